import { constants, createHmac, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concat, fromHex, hex, utf8 } from "../../src/base/bytes.ts";
import { generateKeyPair } from "../../src/engine/asymmetric/key-pairs.ts";
import { spkiOf } from "../../src/engine/asymmetric/keys.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/index.ts";
import type { Ekt, HsmConfig, KeyPairs } from "../../src/hsm/index.ts";
import type { HbkMeta } from "../../src/model/hbk.ts";
import { namingMessage } from "../../src/model/kbkdf.ts";
import { type Group, wycheproof } from "../engine/asymmetric/wycheproof.ts";
import { type HsmFixture, metaOf, useBench } from "./hsm-fixture.ts";

type MacGroup = Group<{ key: string; msg: string; tag: string }> & { keySize: number };
type OaepGroup = Group<{ ct: string; msg: string; label: string }> & { privateKeyPkcs8: string };
type EcdhGroup = Group<{ public: string; private: string; shared: string }>;

/** Vectors of C2SP/wycheproof for what takes a secret, in HSMs whose cryptography is not ours. The keys come in as from another HSM. */
export function hsmVectors<Config extends HsmConfig>(name: string, fixture: HsmFixture<Config>): void {
  describe(`Wycheproof, in ${name}`, () => {
    const bench = useBench(fixture);
    let engine: Engine;
    beforeAll(async () => {
      engine = await openEngine("node");
    });

    /** `commitment`: what the HBK id hashes. */
    async function imported(meta: HbkMeta, commitment: Bytes, material: Bytes): Promise<Ekt> {
      const { spki, oaepHash } = await bench().admin.transportKey();
      const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
      const kek = new Uint8Array(randomBytes(32));
      const sealed = publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, kek);
      const hbkId = engine.sha256(concat(utf8("SR1-keyname"), meta.keyId, commitment));
      return bench().admin.importFrom(meta, hbkId, concat(sealed, engine.kwpWrap(kek, material)));
    }

    it.each([
      ["RSAES_OAEP_SHA_1", "RSA_2048", "rsa_oaep_2048_sha1_mgf1sha1"],
      ["RSAES_OAEP_SHA_256", "RSA_2048", "rsa_oaep_2048_sha256_mgf1sha256"],
      ["RSAES_OAEP_SHA_256", "RSA_4096", "rsa_oaep_4096_sha256_mgf1sha256"],
    ] as const)("%s by %s keys", async (algorithm, spec, file) => {
      const pairs = bench().hsm.keyPairs as KeyPairs;
      for (const { privateKeyPkcs8, tests } of wycheproof<OaepGroup>(file)) {
        const pkcs8 = fromHex(privateKeyPkcs8);
        const meta = { ...metaOf("kms-private"), spec, usage: "ENCRYPT_DECRYPT" } as const;
        const key = await imported(meta, spkiOf(pkcs8), pkcs8);
        for (const { tcId, ct, msg, label, result } of tests) {
          const plaintext = await pairs.decrypt(key, algorithm, fromHex(ct));
          // A label is nothing that the API has.
          const expected = result === "valid" && label === "" ? msg : undefined;
          expect(plaintext?.toHex(), `tcId ${tcId}`).toBe(expected);
        }
      }
    });

    it.each([
      ["ECC_NIST_P256", "ecdh_secp256r1", 32, 1],
      ["ECC_NIST_P384", "ecdh_secp384r1", 48, 5],
      ["ECC_NIST_P521", "ecdh_secp521r1", 66, 5],
    ] as const)("ECDH by %s keys", async (spec, file, length, step) => {
      const pairs = bench().hsm.keyPairs as KeyPairs;
      const meta = { ...metaOf("kms-private"), spec, usage: "KEY_AGREEMENT" } as const;
      const keys = new Map<string, Promise<Ekt>>();
      const keyOf = async (scalar: string): Promise<Ekt> => {
        const { publicKey, privateKey } = await generateKeyPair(spec, () => fromHex(scalar));
        return imported(meta, publicKey, privateKey);
      };
      const tests = wycheproof<EcdhGroup>(file).flatMap(({ tests }) => tests);
      for (const { tcId, ...test } of every(step, tests)) {
        const scalar = test.private.slice(-2 * length).padStart(2 * length, "0");
        const key = keys.get(scalar) ?? keyOf(scalar);
        keys.set(scalar, key);
        const secret = await pairs.deriveSharedSecret(await key, fromHex(test.public));
        if (test.result === "acceptable" && secret === null) continue;
        expect(secret && hex(secret), `tcId ${tcId}`).toBe(test.result === "invalid" ? null : test.shared);
      }
    });

    it.each([224, 256, 384, 512] as const)("HMAC by HMAC_%i keys", async (bits) => {
      const { hsm } = bench();
      const meta = { ...metaOf("kms-hmac"), spec: `HMAC_${bits}`, usage: "GENERATE_VERIFY_MAC" } as const;
      for (const { keySize, tests } of wycheproof<MacGroup>(`hmac_sha${bits}`)) {
        if (keySize !== bits) continue;
        for (const { tcId, key, msg, tag, result } of every(4, tests)) {
          const commitment = createHmac(`sha${bits}`, fromHex(key)).update(namingMessage).digest();
          const ekt = await imported(meta, commitment, fromHex(key));
          const mac = hex(await hsm.mac(ekt, fromHex(msg)));
          expect(mac.startsWith(tag), `tcId ${tcId}`).toBe(result === "valid");
        }
      }
    });
  });
}

/** The long curves and the imports of as many keys take seconds. */
const every = <T>(step: number, tests: readonly T[]): readonly T[] => tests.filter((_, i) => i % step === 0);
