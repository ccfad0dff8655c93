import assert from "node:assert/strict";
import {
  constants,
  createHash,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
} from "node:crypto";
import { type Bytes, concat, hex, utf8 } from "../../base/bytes.ts";
import { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import { algorithmsOf, digestLength, takesMessageType } from "../../model/algorithms.ts";
import { parseEkt } from "../../model/ekt.ts";
import { kindOfSpec } from "../../model/hbk.ts";
import {
  type EncryptionAlgorithm,
  type HbkSpec,
  type KeyUsage,
  keySpecs,
  messageTypes,
  type SigningAlgorithm,
} from "../../model/key-spec.ts";
import type { Ekt, KeyPairs } from "../hsm.ts";
import {
  aad,
  algorithm,
  type Bench,
  claimsOn,
  edited,
  hbkIdOf,
  metaOf,
  type Pair,
  pairOf,
  refusedAs,
} from "./claim.ts";

const asymmetric = new Asymmetric();
const publicKeyOf = (spki: Bytes): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
function spkiOn(namedCurve: string): Bytes {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve });
  return new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
}
async function rewrapped({ hsm, admin }: Bench, key: Ekt): Promise<Ekt> {
  if (!admin) return key;
  const stays = hsm.info.wrapping === "resident" || hsm.info.domainKeyMode === "locked";
  if (!stays) return admin.rewrap(key);
  await refusedAs("refused", admin.rewrap(key));
  return key;
}

/** For the specs that this HSM has; a sentence where there is none. */
async function served(
  { hsm }: Bench,
  usage: KeyUsage,
  use: (pairs: KeyPairs, pair: Pair, spec: HbkSpec) => Promise<void>,
): Promise<string | undefined> {
  const specs = keySpecs.filter((spec) => kindOfSpec(spec) === "kms-private" && algorithmsOf(spec, usage));
  const had = specs.filter((spec) => hsm.refusal(spec, usage) === undefined);
  for (const spec of had) {
    const { keyPairs } = hsm;
    assert(keyPairs, `${spec} is not refused, and there is nothing that makes it`);
    await use(keyPairs, await pairOf(hsm, keyPairs, spec, usage), spec);
  }
  return had.length > 0 ? undefined : hsm.refusal(specs[0] as HbkSpec, usage);
}

export const hmacKeyClaims = claimsOn("HMAC keys", {
  "compute by the hash of their spec": async (bench) => {
    const { hsm } = bench;
    for (const spec of ["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"] as const) {
      const keyOf = () => hsm.generateKey({ ...metaOf("kms-hmac"), spec, usage: "GENERATE_VERIFY_MAC" });
      if (hsm.refusal(spec, "GENERATE_VERIFY_MAC") !== undefined) {
        await refusedAs("unsupported", keyOf(), spec);
        continue;
      }
      const [key, other] = [await keyOf(), await keyOf()];
      for (const message of [utf8("a"), new Uint8Array(4096)]) {
        const mac = await hsm.mac(key, message);
        assert.equal(mac.length, Number(spec.slice(5)) / 8);
        assert.deepEqual(await hsm.mac(key, message), mac);
        assert.notDeepEqual(await hsm.mac(other, message), mac);
        assert.deepEqual(await hsm.mac(await rewrapped(bench, key), message), mac);
      }
      // 4,097 bytes: what the HBK id commits to.
      const committed = concat(utf8("SR1-keyname"), parseEkt(key).meta.keyId, await hsm.mac(key, new Uint8Array(4097)));
      assert.equal(hex(hbkIdOf(key)), createHash("sha256").update(committed).digest("hex"));
      await refusedAs("refused", hsm.mac(key, utf8("\0\0\0\u0001SR1-encrypt")));
      await refusedAs("refused", hsm.encrypt(key, algorithm, aad, aad));
      await refusedAs("refused", hsm.release(key));
    }
  },
});

export const keyPairClaims = claimsOn("key pairs", {
  "are named by their public keys, and are never the same twice": async (bench) => {
    const reasons: (string | undefined)[] = [];
    for (const usage of ["SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"] as const) {
      const none = await served(bench, usage, async (pairs, { ekt, publicKey }, spec) => {
        const { meta, hbkId } = parseEkt(ekt);
        assert.deepEqual(meta, { ...metaOf("kms-private"), spec, usage, keyId: meta.keyId });
        const committed = concat(utf8("SR1-keyname"), meta.keyId, publicKey);
        assert.equal(hex(hbkId), createHash("sha256").update(committed).digest("hex"));
        if (!spec.startsWith("RSA")) assert.notDeepEqual((await pairs.generate(meta)).publicKey, publicKey);
      });
      reasons.push(none);
    }
    return reasons.includes(undefined) ? undefined : reasons[0];
  },

  "sign by every algorithm and message type, and so once rewrapped": (bench) =>
    served(bench, "SIGN_VERIFY", async (pairs, { ekt, publicKey }, spec) => {
      for (const by of (algorithmsOf(spec, "SIGN_VERIFY") ?? []) as SigningAlgorithm[]) {
        for (const type of messageTypes.filter((type) => takesMessageType(by, type))) {
          if (pairs.refusal(by, type) !== undefined) continue;
          const message = new Uint8Array(digestLength(by)).fill(3);
          const key = type === "RAW" ? ekt : await rewrapped(bench, ekt);
          const signature = await pairs.sign(key, by, message, type);
          const verifies = (message: Bytes, signature: Bytes) =>
            asymmetric.verify(by, publicKey, message, type, signature);
          assert(await verifies(message, signature), `${by} ${type} does not verify`);
          assert(!(await verifies(edited(message, 5), signature)), `${by} ${type} verifies for another message`);
          assert(!(await verifies(message, edited(signature, 40))), `${by} ${type} verifies though edited`);
        }
      }
    }),

  "decrypt what their public keys encrypted, and answer null to anything else": (bench) =>
    served(bench, "ENCRYPT_DECRYPT", async (pairs, { ekt, publicKey }, spec) => {
      for (const by of (algorithmsOf(spec, "ENCRYPT_DECRYPT") ?? []) as EncryptionAlgorithm[]) {
        const ciphertext = encryptOutside(by, publicKey, aad);
        assert.deepEqual(await pairs.decrypt(ekt, by, ciphertext), aad);
        for (const wrong of [edited(ciphertext, 70), ciphertext.subarray(1), new Uint8Array(0), new Uint8Array(6144)]) {
          assert.equal(await pairs.decrypt(ekt, by, wrong), null);
        }
      }
    }),

  "agree on secrets with keys on the same curve, and on none with others": (bench) =>
    served(bench, "KEY_AGREEMENT", async (pairs, { ekt, publicKey }, spec) => {
      const other = await pairOf(bench.hsm, pairs, spec, "KEY_AGREEMENT");
      const ours = await pairs.deriveSharedSecret(ekt, other.publicKey);
      assert.notEqual(ours, null);
      assert.deepEqual(ours, await pairs.deriveSharedSecret(other.ekt, publicKey));
      // node:crypto knows SM2 keys, but not by their curve, and does not agree with them.
      const namedCurve = publicKeyOf(publicKey).asymmetricKeyDetails?.namedCurve;
      if (namedCurve === undefined) return;
      const peer = generateKeyPairSync("ec", { namedCurve });
      const spki = new Uint8Array(peer.publicKey.export({ format: "der", type: "spki" }));
      const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKeyOf(publicKey) });
      assert.deepEqual(await pairs.deriveSharedSecret(ekt, spki), new Uint8Array(secret));
      for (const curve of ["secp256k1", "prime256v1", "secp384r1", "secp521r1"]) {
        if (curve === namedCurve) continue;
        assert.equal(await pairs.deriveSharedSecret(ekt, spkiOn(curve)), null);
      }
      for (const wrong of [edited(spki, spki.length - 1), spki.subarray(1), concat(spki, Uint8Array.of(0)), aad]) {
        assert.equal(await pairs.deriveSharedSecret(ekt, wrong), null);
      }
    }),

  "decapsulate what was encapsulated for them, and reject implicitly": (bench) =>
    served(bench, "ENCAPSULATE_DECAPSULATE", async (pairs, { ekt, publicKey }) => {
      const { sharedKey, ciphertext } = encapsulate(publicKeyOf(publicKey));
      assert.deepEqual(await pairs.decapsulate(ekt, ciphertext), new Uint8Array(sharedKey));
      const rejected = await pairs.decapsulate(ekt, edited(ciphertext, 9));
      assert.equal(rejected.length, 32);
      assert.notDeepEqual(rejected, new Uint8Array(sharedKey));
    }),

  "serve their own usage and no other call": (bench) =>
    served(bench, "SIGN_VERIFY", async (pairs, { ekt }, spec) => {
      if (spec !== "ECC_NIST_P256") return;
      const { hsm, stride } = bench;
      if (hsm.refusal(spec, "KEY_AGREEMENT") === undefined) {
        const agreeing = await pairOf(hsm, pairs, spec, "KEY_AGREEMENT");
        await refusedAs("refused", pairs.sign(agreeing.ekt, "ECDSA_SHA_256", aad, "RAW"));
        await refusedAs("refused", pairs.deriveSharedSecret(ekt, agreeing.publicKey));
      }
      await refusedAs("refused", pairs.decrypt(ekt, "RSAES_OAEP_SHA_1", aad));
      await refusedAs("refused", pairs.decapsulate(ekt, aad));
      await refusedAs("refused", hsm.mac(ekt, aad));
      await refusedAs("refused", hsm.encrypt(ekt, algorithm, aad, aad));
      await refusedAs("refused", hsm.release(ekt));
      await refusedAs("refused", pairs.generateDataKeyPair(ekt, "ECC_NIST_P256", aad, "ciphertext"));
      for (let i = 0; i < ekt.length; i += stride * 7) {
        await refusedAs("refused", pairs.sign(edited(ekt, i), "ECDSA_SHA_256", aad, "RAW"), `octet ${i}`);
      }
    }),
});

function encryptOutside(by: EncryptionAlgorithm, spki: Bytes, plaintext: Bytes): Bytes {
  if (by === "SM2PKE") return asymmetric.encrypt(by, spki, plaintext);
  const oaepHash = by === "RSAES_OAEP_SHA_1" ? "sha1" : "sha256";
  const key = { key: publicKeyOf(spki), oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING };
  return new Uint8Array(publicEncrypt(key, plaintext));
}
