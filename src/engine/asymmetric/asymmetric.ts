import {
  constants,
  createHash,
  privateDecrypt,
  publicEncrypt,
  type SignKeyObjectInput,
  sign,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import { promisify } from "node:util";
import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { EncryptionAlgorithm, HbkSpec, MessageType, SigningAlgorithm } from "../../model/key-spec.ts";
import { isBuilt } from "../native/addon.ts";
import { Signatures } from "../native/signatures.ts";
import { deriveSharedSecret } from "./agreement.ts";
import { privateKeyOf, publicKeyOf, taken } from "./keys.ts";

/**
 * Signatures and public key encryption, with keys in DER (keys.ts) that the caller keeps and wipes. Messages come in
 * whole, by node:crypto in threads of its pool; what has been hashed already, and SM2, by native code, since node:crypto
 * would hash a digest once more and sign SM2 without the signer's id. Where that is not built, `refusal` says so.
 */
export class Asymmetric {
  readonly #built: Signatures | null;

  /** `native` null: this machine has no C compiler. */
  constructor(native: Signatures | null = isBuilt() ? new Signatures() : null) {
    this.#built = native;
  }

  /** Why there can be no such signature here; undefined when there can. */
  refusal(algorithm: SigningAlgorithm | "SM2PKE", type: MessageType): string | undefined {
    const needed = type !== "RAW" || algorithm === "SM2DSA" || algorithm === "SM2PKE";
    if (!needed || this.#built) return undefined;
    const what = type === "RAW" ? algorithm : `${algorithm} over a message of type ${type}`;
    return `${what} needs the native engine, which has not been built on this machine.`;
  }

  /**
   * RSASSA octets (RFC 8017), DER of ECDSA and SM2DSA, octets of EdDSA (RFC 8032) and ML-DSA (FIPS 204, hedged).
   * `message` of type DIGEST or EXTERNAL_MU has `digestLength` bytes (model/algorithms.ts).
   */
  async sign(algorithm: SigningAlgorithm, pkcs8: Bytes, message: Bytes, type: MessageType): Promise<Bytes> {
    if (type !== "RAW")
      return this.#native(algorithm, type).sign(digested(algorithm), pkcs8, prehash(algorithm, message));
    if (algorithm === "SM2DSA") return this.#native(algorithm, type).signSm2(pkcs8, message);
    const key = { key: privateKeyOf(pkcs8), ...options(algorithm) };
    return new Uint8Array(
      await promisify<string | null, Bytes, SignKeyObjectInput, Buffer>(sign)(hashOf(algorithm), message, key),
    );
  }

  async verify(
    algorithm: SigningAlgorithm,
    spki: Bytes,
    message: Bytes,
    type: MessageType,
    signature: Bytes,
  ): Promise<boolean> {
    if (algorithm.startsWith("RSASSA") && !isWhole(signature)) return false;
    if (type !== "RAW") {
      return this.#native(algorithm, type).verify(digested(algorithm), spki, prehash(algorithm, message), signature);
    }
    if (algorithm === "SM2DSA") return this.#native(algorithm, type).verifySm2(spki, message, signature);
    const key = { key: publicKeyOf(spki), ...options(algorithm) };
    return promisify<string | null, Bytes, VerifyKeyObjectInput, Bytes, boolean>(verify)(
      hashOf(algorithm),
      message,
      key,
      signature,
    );
  }

  /** `plaintext` is not longer than `longestPlaintext` (model/algorithms.ts). */
  encrypt(algorithm: EncryptionAlgorithm, spki: Bytes, plaintext: Bytes): Bytes {
    if (algorithm === "SM2PKE") return this.#native(algorithm, "RAW").encryptSm2(spki, plaintext);
    return new Uint8Array(publicEncrypt({ key: publicKeyOf(spki), ...oaep(algorithm) }, plaintext));
  }

  /** null: not a ciphertext for this key, whatever is wrong with it. The caller wipes the plaintext. */
  decrypt(algorithm: EncryptionAlgorithm, pkcs8: Bytes, ciphertext: Bytes): Bytes | null {
    if (algorithm === "SM2PKE") return this.#native(algorithm, "RAW").decryptSm2(pkcs8, ciphertext);
    if (!isWhole(ciphertext)) return null;
    const key = { key: privateKeyOf(pkcs8), ...oaep(algorithm) };
    try {
      return taken(privateDecrypt(key, ciphertext));
    } catch {
      return null;
    }
  }

  /** As `deriveSharedSecret` of agreement.ts, for keys of SM2, too. */
  async deriveSharedSecret(spec: HbkSpec, pkcs8: Bytes, spki: Bytes): Promise<Bytes | null> {
    if (spec !== "SM2") return deriveSharedSecret(pkcs8, spki);
    return this.#native("SM2DSA", "RAW").agreeSm2(pkcs8, spki);
  }

  #native(algorithm: SigningAlgorithm | "SM2PKE", type: MessageType): Signatures {
    if (!this.#built) throw new HsmError("unsupported", this.refusal(algorithm, type) as string);
    return this.#built;
  }
}

/**
 * RFC 8017 §7.1.2 and §8.1.2, step 1: as long as the modulus. OpenSSL also takes OAEP ciphertexts and PSS signatures whose
 * leading zeros are missing. Moduli are multiples of 1,024 bits, and so many zeros come to nobody.
 */
const isWhole = (octets: Bytes): boolean => octets.length % 128 === 0;

/** null: EdDSA and ML-DSA hash in their own way. */
const hashOf = (algorithm: SigningAlgorithm): string | null =>
  algorithm === "ED25519_SHA_512" || algorithm === "ML_DSA_SHAKE_256" ? null : `sha${algorithm.slice(-3)}`;

/** MGF1 has the same hash. A signature with a salt of another length than the digest's does not verify. */
function options(algorithm: SigningAlgorithm) {
  if (algorithm.startsWith("RSASSA_PSS")) {
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  }
  return algorithm.startsWith("ECDSA") ? { dsaEncoding: "der" as const } : {};
}

/** MGF1 has the same hash, the label is empty. */
function oaep(algorithm: EncryptionAlgorithm) {
  const oaepHash = { RSAES_OAEP_SHA_1: "sha1", RSAES_OAEP_SHA_256: "sha256" }[algorithm as string];
  if (!oaepHash) throw new HsmError("unsupported", `${algorithm} is not an algorithm of key pairs.`);
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash };
}

function digested(algorithm: SigningAlgorithm) {
  if (algorithm !== "ED25519_SHA_512") return algorithm;
  throw new HsmError("unsupported", "ED25519_SHA_512 takes whole messages.");
}

/** KMS takes the digest that it is given for the message of Ed25519ph, and hashes that (PH of RFC 8032 §5.1). */
const prehash = (algorithm: SigningAlgorithm, digest: Bytes): Bytes =>
  algorithm === "ED25519_PH_SHA_512" ? createHash("sha512").update(digest).digest() : digest;
