import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Bytes, concat, hex, utf8 } from "../../src/base/bytes.ts";
import { Asymmetric } from "../../src/engine/asymmetric/asymmetric.ts";
import type { Ekt, HsmConfig, KeyPairs } from "../../src/hsm/index.ts";
import { algorithmsOf, digestLength, takesMessageType } from "../../src/model/algorithms.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { type HbkMeta, kindOfSpec } from "../../src/model/hbk.ts";
import {
  dataKeyPairSpecs,
  type EncryptionAlgorithm,
  type KeySpec,
  type KeyUsage,
  keySpecs,
  messageTypes,
  type SigningAlgorithm,
} from "../../src/model/key-spec.ts";
import {
  aad,
  algorithm,
  closeBench,
  edited,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
  useBench,
} from "./hsm-fixture.ts";

const asymmetric = new Asymmetric();
const publicKeyOf = (spki: Bytes): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });

const metaFor = (spec: KeySpec, usage: KeyUsage): HbkMeta => ({ ...metaOf("kms-private"), spec, usage });

export function hmacKeyClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("HMAC keys", () => {
    const bench = useBench(fixture);
    const keyOf = (spec: KeySpec): Promise<Ekt> =>
      bench().hsm.generateKey({ ...metaOf("kms-hmac"), spec, usage: "GENERATE_VERIFY_MAC" });

    it.each(["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"] as const)(
      "of spec %s compute by its hash",
      async (spec) => {
        const { hsm } = bench();
        if (hsm.refusal(spec, "GENERATE_VERIFY_MAC") !== undefined) return expectHsmError("unsupported", keyOf(spec));
        const [key, other] = [await keyOf(spec), await keyOf(spec)];
        for (const message of [utf8("a"), new Uint8Array(4096)]) {
          const mac = await hsm.mac(key, message);
          expect(mac).toHaveLength(Number(spec.slice(5)) / 8);
          expect(await hsm.mac(key, message)).toEqual(mac);
          expect(await hsm.mac(other, message)).not.toEqual(mac);
          expect(await hsm.mac(await bench().admin.rewrap(key), message)).toEqual(mac);
        }
        const committed = concat(utf8("SR1-keyname"), parseEkt(key).meta.keyId, await macOfZeros(key));
        expect(hex(hbkIdOf(key))).toBe(createHash("sha256").update(committed).digest("hex"));
        await expectHsmError("refused", hsm.mac(key, utf8("\0\0\0\u0001SR1-encrypt")));
        await expectHsmError("refused", hsm.encrypt(key, algorithm, aad, aad));
        await expectHsmError("refused", hsm.release(key));
      },
    );

    /** 4,097 bytes: what the HBK id commits to. */
    const macOfZeros = (key: Ekt): Promise<Bytes> => bench().hsm.mac(key, new Uint8Array(4097));
  });
}

/** Claims about what `keyPairs` does; an HSM without it refuses every key pair. */
export function keyPairClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("key pairs", () => {
    const bench = useBench(fixture);

    /** Runs for the specs that this HSM has, and says that it has them. */
    async function served(usage: KeyUsage, use: (pairs: KeyPairs, pair: Pair, spec: KeySpec) => Promise<void>) {
      const { hsm } = bench();
      const { keyPairs } = hsm;
      for (const spec of keySpecs.filter((spec) => kindOfSpec(spec) === "kms-private")) {
        if (hsm.refusal(spec, usage) !== undefined) continue;
        if (!keyPairs) throw new Error(`${spec} is not refused, and there is nothing that makes it`);
        await use(keyPairs, await keyPairs.generate(metaFor(spec, usage)), spec);
      }
    }

    it("are named by their public keys, and are never the same twice", async () => {
      for (const usage of ["SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"] as const) {
        await served(usage, async (pairs, { ekt, publicKey }, spec) => {
          const { meta, hbkId } = parseEkt(ekt);
          expect(meta).toMatchObject({ kind: "kms-private", spec, usage });
          const committed = concat(utf8("SR1-keyname"), meta.keyId, publicKey);
          expect(hex(hbkId)).toBe(createHash("sha256").update(committed).digest("hex"));
          if (!spec.startsWith("RSA")) expect((await pairs.generate(meta)).publicKey).not.toEqual(publicKey);
        });
      }
    }, 120_000);

    it("sign by every algorithm and message type, and so once rewrapped", async () => {
      await served("SIGN_VERIFY", async (pairs, { ekt, publicKey }, spec) => {
        for (const by of (algorithmsOf(spec, "SIGN_VERIFY") ?? []) as SigningAlgorithm[]) {
          for (const type of messageTypes.filter((type) => takesMessageType(by, type))) {
            const message = new Uint8Array(digestLength(by)).fill(3);
            const key = type === "RAW" ? ekt : await bench().admin.rewrap(ekt);
            const signature = await pairs.sign(key, by, message, type);
            expect(await asymmetric.verify(by, publicKey, message, type, signature), `${by} ${type}`).toBe(true);
            expect(await asymmetric.verify(by, publicKey, edited(message, 5), type, signature)).toBe(false);
            expect(await asymmetric.verify(by, publicKey, message, type, edited(signature, 40))).toBe(false);
          }
        }
      });
    }, 120_000);

    it("decrypt what their public keys encrypted, and answer null to anything else", async () => {
      await served("ENCRYPT_DECRYPT", async (pairs, { ekt, publicKey }, spec) => {
        for (const by of (algorithmsOf(spec, "ENCRYPT_DECRYPT") ?? []) as EncryptionAlgorithm[]) {
          const ciphertext = encryptOutside(by, publicKey, aad);
          expect(await pairs.decrypt(ekt, by, ciphertext)).toEqual(aad);
          expect(await pairs.decrypt(ekt, by, edited(ciphertext, 70))).toBeNull();
          for (const wrong of [ciphertext.subarray(1), new Uint8Array(0), new Uint8Array(6144)]) {
            expect(await pairs.decrypt(ekt, by, wrong)).toBeNull();
          }
        }
      });
    }, 120_000);

    it("agree on secrets with keys on the same curve, and on none with others", async () => {
      const curves = { ECC_NIST_P256: "P-256", ECC_NIST_P384: "P-384", ECC_NIST_P521: "P-521" };
      await served("KEY_AGREEMENT", async (pairs, { ekt, publicKey }, spec) => {
        const namedCurve = curves[spec as keyof typeof curves];
        const peer = generateKeyPairSync("ec", { namedCurve });
        const spki = new Uint8Array(peer.publicKey.export({ format: "der", type: "spki" }));
        const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKeyOf(publicKey) });
        expect(hex((await pairs.deriveSharedSecret(ekt, spki)) ?? aad)).toBe(secret.toString("hex"));
        for (const other of ["secp256k1", ...Object.values(curves).filter((curve) => curve !== namedCurve)]) {
          const { publicKey: stranger } = generateKeyPairSync("ec", { namedCurve: other });
          const wrong = new Uint8Array(stranger.export({ format: "der", type: "spki" }));
          expect(await pairs.deriveSharedSecret(ekt, wrong)).toBeNull();
        }
        const off = spki.with(spki.length - 1, (spki.at(-1) as number) ^ 1);
        for (const wrong of [off, spki.subarray(1), concat(spki, Uint8Array.of(0)), aad]) {
          expect(await pairs.deriveSharedSecret(ekt, wrong)).toBeNull();
        }
      });
    });

    it("decapsulate what was encapsulated for them, and reject implicitly", async () => {
      await served("ENCAPSULATE_DECAPSULATE", async (pairs, { ekt, publicKey }) => {
        const { sharedKey, ciphertext } = encapsulate(publicKeyOf(publicKey));
        expect(hex(await pairs.decapsulate(ekt, ciphertext))).toBe(sharedKey.toString("hex"));
        const rejected = await pairs.decapsulate(ekt, edited(ciphertext, 9));
        expect(rejected).toHaveLength(32);
        expect(hex(rejected)).not.toBe(sharedKey.toString("hex"));
      });
    });

    it("serve their own usage and no other call", async () => {
      await served("SIGN_VERIFY", async (pairs, { ekt }, spec) => {
        if (spec !== "ECC_NIST_P256") return;
        const { hsm } = bench();
        const agreeing = await pairs.generate(metaFor(spec, "KEY_AGREEMENT"));
        await expectHsmError("refused", pairs.sign(agreeing.ekt, "ECDSA_SHA_256", aad, "RAW"));
        await expectHsmError("refused", pairs.deriveSharedSecret(ekt, agreeing.publicKey));
        await expectHsmError("refused", pairs.decrypt(ekt, "RSAES_OAEP_SHA_1", aad));
        await expectHsmError("refused", pairs.decapsulate(ekt, aad));
        await expectHsmError("refused", hsm.mac(ekt, aad));
        await expectHsmError("refused", hsm.encrypt(ekt, algorithm, aad, aad));
        await expectHsmError("refused", hsm.release(ekt));
        await expectHsmError("refused", pairs.generateDataKeyPair(ekt, "ECC_NIST_P256", aad, "ciphertext"));
        for (let i = 0; i < ekt.length; i += fixture.stride * 7) {
          await expectHsmError("refused", pairs.sign(edited(ekt, i), "ECDSA_SHA_256", aad, "RAW"), `octet ${i}`);
        }
      });
    });

    it("to take away come encrypted, and in the clear where that is wanted", async () => {
      const { hsm } = bench();
      const { keyPairs } = hsm;
      if (!keyPairs) return;
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      for (const spec of dataKeyPairSpecs) {
        const made = await keyPairs.generateDataKeyPair(key, spec, aad, "both");
        expect(await hsm.decrypt(key, algorithm, made.ciphertext, aad), spec).toEqual(made.plaintext);
        const pkcs8 = createPrivateKey({ key: Buffer.from(made.plaintext ?? aad), format: "der", type: "pkcs8" });
        const spki = createPublicKey(pkcs8).export({ format: "der", type: "spki" });
        expect(hex(spki)).toBe(hex(made.publicKey));
      }
      const hidden = await keyPairs.generateDataKeyPair(key, "ECC_NIST_P256", aad, "ciphertext");
      expect(Object.keys(hidden).sort()).toEqual(["ciphertext", "publicKey"]);
    }, 120_000);

    it("move to another HSM of the kind, and keep their names", async () => {
      const other = await openBench(fixture);
      const target = await other.admin.transportKey();
      await bench().admin.pinTransportKey(target);
      const hmac = { ...metaOf("kms-hmac"), spec: "HMAC_512", usage: "GENERATE_VERIFY_MAC" } as const;
      await served("SIGN_VERIFY", async (pairs, { ekt, publicKey }, spec) => {
        if (spec.startsWith("RSA")) return;
        const { meta, hbkId } = parseEkt(ekt);
        const exported = await bench().admin.exportTo(ekt, target);
        const moved = await other.admin.importFrom(meta, hbkId, exported);
        const [by] = (algorithmsOf(spec, "SIGN_VERIFY") ?? []) as SigningAlgorithm[];
        const signature = await (other.hsm.keyPairs as KeyPairs).sign(moved, by as SigningAlgorithm, aad, "RAW");
        expect(await asymmetric.verify(by as SigningAlgorithm, publicKey, aad, "RAW", signature)).toBe(true);
        const stranger = await pairs.generate(meta);
        await expectHsmError("refused", other.admin.importFrom(meta, hbkIdOf(stranger.ekt), exported));
      });
      if (bench().hsm.refusal(hmac.spec, hmac.usage) === undefined) {
        const key = await bench().hsm.generateKey(hmac);
        const exported = await bench().admin.exportTo(key, target);
        const moved = await other.admin.importFrom(hmac, hbkIdOf(key), exported);
        expect(await other.hsm.mac(moved, aad)).toEqual(await bench().hsm.mac(key, aad));
        await expectHsmError("refused", other.admin.importFrom(hmac, new Uint8Array(32), exported));
      }
      await closeBench(other);
    }, 120_000);
  });
}

interface Pair {
  readonly ekt: Ekt;
  readonly publicKey: Bytes;
}

function encryptOutside(by: EncryptionAlgorithm, spki: Bytes, plaintext: Bytes): Bytes {
  if (by === "SM2PKE") return asymmetric.encrypt(by, spki, plaintext);
  const oaepHash = by === "RSAES_OAEP_SHA_1" ? "sha1" : "sha256";
  const key = { key: publicKeyOf(spki), oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING };
  return new Uint8Array(publicEncrypt(key, plaintext));
}
