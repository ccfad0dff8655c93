import type { Bytes } from "../../base/bytes.ts";
import { secret, secretFrom, wipe } from "../../base/secret.ts";
import { type Addon, load } from "./addon.ts";
import { answered, authentic, notAuthentic } from "./status.ts";

/** Numbers of `enum scheme` in native/digest-signatures.c, and the bits of the hash. */
const algorithms = {
  ECDSA_SHA_256: [0, 256],
  ECDSA_SHA_384: [0, 384],
  ECDSA_SHA_512: [0, 512],
  RSASSA_PKCS1_V1_5_SHA_256: [1, 256],
  RSASSA_PKCS1_V1_5_SHA_384: [1, 384],
  RSASSA_PKCS1_V1_5_SHA_512: [1, 512],
  RSASSA_PSS_SHA_256: [2, 256],
  RSASSA_PSS_SHA_384: [2, 384],
  RSASSA_PSS_SHA_512: [2, 512],
  ED25519_PH_SHA_512: [3, 512],
  ML_DSA_SHAKE_256: [4, 512],
  SM2DSA: [5, 256],
} as const;
export type DigestAlgorithm = keyof typeof algorithms;

/** Longer than a signature of ML-DSA-87 (4,627 bytes) or of any RSA key. */
const longestSignature = 5120;
/** What an SM2 ciphertext has beside the plaintext: a point, a hash and the tags of ASN.1, generously. */
const sm2Overhead = 128;

/**
 * What node:crypto cannot do with private keys (it hashes a digest once more, knows no Ed25519ph and no external mu, and
 * signs SM2 without the signer's id). Keys are PKCS#8 and SPKI in DER, private ones with the owner, who wipes them;
 * OpenSSL's objects are made and freed in each call. A key of another type is `HsmError("refused")`, a digest of a wrong
 * length a RangeError.
 */
export class Signatures {
  readonly #addon: Addon;

  constructor(addon: Addon = load()) {
    this.#addon = addon;
  }

  /**
   * `digest`: of the message by the algorithm's hash; for ED25519_PH_SHA_512 its SHA-512 (RFC 8032 §5.1, PH(M), without
   * context); for ML_DSA_SHAKE_256 the message representative mu, 64 bytes (FIPS 204, algorithm 7 line 6); for SM2DSA
   * SM3(ZA ‖ M). Answers DER for ECDSA and SM2DSA. PSS has MGF1 with the same hash and a salt as long as the digest.
   */
  sign(algorithm: DigestAlgorithm, pkcs8: Bytes, digest: Bytes): Bytes {
    const [scheme, hashBits] = algorithms[algorithm];
    const target = new Uint8Array(longestSignature);
    return target.slice(0, answered(this.#addon.signDigest(scheme, hashBits, pkcs8, digest, target)));
  }

  verify(algorithm: DigestAlgorithm, spki: Bytes, digest: Bytes, signature: Bytes): boolean {
    const [scheme, hashBits] = algorithms[algorithm];
    return authentic(this.#addon.verifyDigest(scheme, hashBits, spki, digest, signature)) !== null;
  }

  /** SM2DSA over a message, with SM3 and the default id 1234567812345678. DER. */
  signSm2(pkcs8: Bytes, message: Bytes): Bytes {
    const target = new Uint8Array(longestSignature);
    return target.slice(0, answered(this.#addon.sm2Sign(pkcs8, message, target)));
  }

  verifySm2(spki: Bytes, message: Bytes, signature: Bytes): boolean {
    return authentic(this.#addon.sm2Verify(spki, message, signature)) !== null;
  }

  /** SM2PKE: C1C3C2 as ASN.1 (GM/T 0009). */
  encryptSm2(spki: Bytes, plaintext: Bytes): Bytes {
    const target = new Uint8Array(plaintext.length + sm2Overhead);
    return target.slice(0, answered(this.#addon.sm2Encrypt(spki, plaintext, target)));
  }

  /** null: not a ciphertext for this key. */
  decryptSm2(pkcs8: Bytes, ciphertext: Bytes): Bytes | null {
    const target = secret(ciphertext.length);
    const status = this.#addon.sm2Decrypt(pkcs8, ciphertext, target);
    if (status === notAuthentic) return null;
    const plaintext = secretFrom(target.subarray(0, answered(status)));
    wipe(target);
    return plaintext;
  }

  /** ECDH between keys of SM2: the x coordinate. null: `spki` is not a public key of the curve. */
  agreeSm2(pkcs8: Bytes, spki: Bytes): Bytes | null {
    const target = secret(32);
    return authentic(this.#addon.sm2Agree(pkcs8, spki, target)) === null ? null : target;
  }
}
