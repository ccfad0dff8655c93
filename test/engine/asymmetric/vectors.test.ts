import { describe, expect, it } from "vitest";
import { type Bytes, concat, fromHex } from "../../../src/base/bytes.ts";
import { deriveSharedSecret } from "../../../src/engine/asymmetric/agreement.ts";
import { Asymmetric } from "../../../src/engine/asymmetric/asymmetric.ts";
import { type Group, wycheproof } from "./wycheproof.ts";

const asymmetric = new Asymmetric();

interface SignatureGroup extends Group<{ msg: string; sig: string; ctx?: string }> {
  readonly publicKeyDer: string;
}

describe("Wycheproof, signatures over whole messages", () => {
  it.each([
    ["ecdsa_secp256r1_sha256", "ECDSA_SHA_256"],
    ["ecdsa_secp384r1_sha384", "ECDSA_SHA_384"],
    ["ecdsa_secp521r1_sha512", "ECDSA_SHA_512"],
    ["ecdsa_secp256k1_sha256", "ECDSA_SHA_256"],
    ["ed25519", "ED25519_SHA_512"],
    ["mldsa_44_verify", "ML_DSA_SHAKE_256"],
    ["mldsa_65_verify", "ML_DSA_SHAKE_256"],
    ["mldsa_87_verify", "ML_DSA_SHAKE_256"],
    ["rsa_signature_2048_sha256", "RSASSA_PKCS1_V1_5_SHA_256"],
    ["rsa_signature_3072_sha384", "RSASSA_PKCS1_V1_5_SHA_384"],
    ["rsa_signature_4096_sha512", "RSASSA_PKCS1_V1_5_SHA_512"],
    ["rsa_pss_2048_sha256_mgf1_32", "RSASSA_PSS_SHA_256"],
    ["rsa_pss_3072_sha256_mgf1_32", "RSASSA_PSS_SHA_256"],
    ["rsa_pss_4096_sha384_mgf1_48", "RSASSA_PSS_SHA_384"],
    ["rsa_pss_4096_sha512_mgf1_64", "RSASSA_PSS_SHA_512"],
  ] as const)("%s", async (file, algorithm) => {
    let checked = 0;
    for (const { publicKeyDer, tests } of wycheproof<SignatureGroup>(file)) {
      for (const { tcId, msg, sig, ctx, flags, result } of tests) {
        // KMS signs ML-DSA without a context, and a public key of a wrong length is no key of ours.
        if (ctx !== undefined || flags.includes("IncorrectPublicKeyLength") || result === "acceptable") continue;
        const verified = await asymmetric.verify(algorithm, fromHex(publicKeyDer), fromHex(msg), "RAW", fromHex(sig));
        expect(verified, `tcId ${tcId}`).toBe(result === "valid");
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(100);
  });
});

interface OaepGroup extends Group<{ msg: string; ct: string; label: string }> {
  readonly privateKeyPkcs8: string;
}

describe("Wycheproof, RSAES-OAEP", () => {
  it.each([
    ["rsa_oaep_2048_sha1_mgf1sha1", "RSAES_OAEP_SHA_1"],
    ["rsa_oaep_2048_sha256_mgf1sha256", "RSAES_OAEP_SHA_256"],
    ["rsa_oaep_3072_sha256_mgf1sha256", "RSAES_OAEP_SHA_256"],
    ["rsa_oaep_4096_sha256_mgf1sha256", "RSAES_OAEP_SHA_256"],
  ] as const)("%s", (file, algorithm) => {
    let checked = 0;
    for (const { privateKeyPkcs8, tests } of wycheproof<OaepGroup>(file)) {
      for (const { tcId, msg, ct, label, result } of tests) {
        // KMS has no label: what was encrypted with one does not open.
        const expected = result === "valid" && label === "" ? fromHex(msg) : null;
        expect(asymmetric.decrypt(algorithm, fromHex(privateKeyPkcs8), fromHex(ct)), `tcId ${tcId}`).toEqual(expected);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(30);
  });
});

interface EcdhGroup extends Group<{ public: string; private: string; shared: string; comment: string }> {
  readonly curve: string;
}

/** PKCS#8 up to the scalar: RFC 5915. */
const scalars: Readonly<Record<string, { prefix: string; length: number }>> = {
  secp256r1: { prefix: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", length: 32 },
  secp384r1: { prefix: "304e020100301006072a8648ce3d020106052b81040022043730350201010430", length: 48 },
  secp521r1: { prefix: "3060020100301006072a8648ce3d020106052b81040023044930470201010442", length: 66 },
};

function privateKey(curve: string, scalar: string): Bytes {
  const { prefix, length } = scalars[curve] as { prefix: string; length: number };
  const digits = scalar.replace(/^(00)+/, "").padStart(length * 2, "0");
  return concat(fromHex(prefix), fromHex(digits));
}

describe("Wycheproof, ECDH", () => {
  /** Of the valid ones every so many-th is computed: the slow curves take 30 ms each. */
  it.each([
    ["ecdh_secp256r1", 1],
    ["ecdh_secp384r1", 10],
    ["ecdh_secp521r1", 20],
  ] as const)("%s", async (file, stride) => {
    let agreed = 0;
    for (const { curve, tests } of wycheproof<EcdhGroup>(file)) {
      for (const { tcId, public: spki, private: scalar, shared, result } of tests) {
        if (result === "valid" && tcId % stride !== 0) continue;
        const derived = await deriveSharedSecret(privateKey(curve, scalar), fromHex(spki));
        // What is merely acceptable (other encodings, parameters written out) need not be taken, but never misleads.
        if (result === "valid") expect(derived?.toHex(), `tcId ${tcId}`).toBe(shared);
        else if (result === "invalid") expect(derived, `tcId ${tcId}`).toBeNull();
        else expect([undefined, shared], `tcId ${tcId}`).toContain(derived?.toHex());
        agreed += derived ? 1 : 0;
      }
    }
    expect(agreed).toBeGreaterThan(30);
  });
});
