import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import type {
  EncapsulationAlgorithm,
  EncryptionAlgorithm,
  HbkSpec,
  KeyAgreementAlgorithm,
  KeySpec,
  KeyUsage,
  MacAlgorithm,
  MessageType,
  SigningAlgorithm,
} from "./key-spec.ts";

export type Algorithm =
  | EncryptionAlgorithm
  | SigningAlgorithm
  | MacAlgorithm
  | KeyAgreementAlgorithm
  | EncapsulationAlgorithm;

type Capabilities = { readonly [U in KeyUsage]?: readonly Algorithm[] };

const symmetric: Capabilities = { ENCRYPT_DECRYPT: ["SYMMETRIC_DEFAULT"] };
const rsa: Capabilities = {
  ENCRYPT_DECRYPT: ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
  SIGN_VERIFY: [
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
  ],
};
const mlDsa: Capabilities = { SIGN_VERIFY: ["ML_DSA_SHAKE_256"] };
const mlKem: Capabilities = { ENCAPSULATE_DECAPSULATE: ["ML_KEM"] };

/** What each spec can be made for, and by which algorithms (Developer Guide, "Key spec reference"). */
const capabilities: Readonly<Record<HbkSpec, Capabilities>> = {
  SYMMETRIC_DEFAULT: symmetric,
  SM4: symmetric,
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: { SIGN_VERIFY: ["ECDSA_SHA_256"], KEY_AGREEMENT: ["ECDH"] },
  ECC_NIST_P384: { SIGN_VERIFY: ["ECDSA_SHA_384"], KEY_AGREEMENT: ["ECDH"] },
  ECC_NIST_P521: { SIGN_VERIFY: ["ECDSA_SHA_512"], KEY_AGREEMENT: ["ECDH"] },
  ECC_SECG_P256K1: { SIGN_VERIFY: ["ECDSA_SHA_256"] },
  ECC_NIST_EDWARDS25519: { SIGN_VERIFY: ["ED25519_SHA_512", "ED25519_PH_SHA_512"] },
  HMAC_224: { GENERATE_VERIFY_MAC: ["HMAC_SHA_224"] },
  HMAC_256: { GENERATE_VERIFY_MAC: ["HMAC_SHA_256"] },
  HMAC_384: { GENERATE_VERIFY_MAC: ["HMAC_SHA_384"] },
  HMAC_512: { GENERATE_VERIFY_MAC: ["HMAC_SHA_512"] },
  SM2: { ENCRYPT_DECRYPT: ["SM2PKE"], SIGN_VERIFY: ["SM2DSA"], KEY_AGREEMENT: ["ECDH"] },
  ML_DSA_44: mlDsa,
  ML_DSA_65: mlDsa,
  ML_DSA_87: mlDsa,
  ML_KEM_512: mlKem,
  ML_KEM_768: mlKem,
  ML_KEM_1024: mlKem,
};

/** undefined: there are no keys of this spec for this usage. */
export const algorithmsOf = (spec: HbkSpec, usage: KeyUsage): readonly Algorithm[] | undefined =>
  capabilities[spec][usage];

export type KeyType = "symmetric" | "HMAC" | "asymmetric";

export function keyTypeOf(spec: HbkSpec): KeyType {
  if (spec === "SYMMETRIC_DEFAULT" || spec === "SM4") return "symmetric";
  return spec.startsWith("HMAC") ? "HMAC" : "asymmetric";
}

/** The member of KeyMetadata and GetPublicKey that lists the algorithms of a key. */
export const algorithmsMember = {
  ENCRYPT_DECRYPT: "EncryptionAlgorithms",
  SIGN_VERIFY: "SigningAlgorithms",
  GENERATE_VERIFY_MAC: "MacAlgorithms",
  KEY_AGREEMENT: "KeyAgreementAlgorithms",
  ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
} as const satisfies Record<KeyUsage, string>;

/** Longest plaintext in bytes; an RSA key of k bytes and a hash of h take k - 2h - 2 (RFC 8017 §7.1.1). */
export function longestPlaintext(spec: KeySpec, algorithm: EncryptionAlgorithm): number {
  switch (algorithm) {
    case "SYMMETRIC_DEFAULT":
      return 4096;
    case "SM2PKE":
      return 1024;
    default: {
      const hashLength = algorithm === "RSAES_OAEP_SHA_1" ? 20 : 32;
      return Number(spec.slice(4)) / 8 - 2 * hashLength - 2;
    }
  }
}

export function checkPlaintext(spec: KeySpec, algorithm: EncryptionAlgorithm, { length }: Bytes): void {
  const longest = longestPlaintext(spec, algorithm);
  if (length > longest) {
    throw new KmsError("ValidationException", "plaintext", { algorithm, spec, longest });
  }
}

/** How messages of these types may come to an algorithm. */
export function takesMessageType(algorithm: SigningAlgorithm, type: MessageType): boolean {
  switch (algorithm) {
    case "ED25519_SHA_512":
      return type === "RAW";
    case "ED25519_PH_SHA_512":
      return type === "DIGEST";
    case "ML_DSA_SHAKE_256":
      return type !== "DIGEST";
    default:
      return type !== "EXTERNAL_MU";
  }
}

/** In bytes, of a message of type DIGEST or EXTERNAL_MU: the hash of the algorithm's name, SM3, or mu (FIPS 204 §6.2). */
export function digestLength(algorithm: SigningAlgorithm): number {
  if (algorithm === "SM2DSA") return 32;
  return algorithm === "ML_DSA_SHAKE_256" ? 64 : Number(algorithm.slice(-3)) / 8;
}

/** In bytes, of a ciphertext of ML-KEM (FIPS 203, table 3). */
export const encapsulationLength = (spec: KeySpec): number | undefined =>
  ({ ML_KEM_512: 768, ML_KEM_768: 1088, ML_KEM_1024: 1568 })[spec as string];
