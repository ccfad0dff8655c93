/** Enumerations of the API and what each key spec can do (AWS KMS Developer Guide, "Key spec reference"). */

export const keySpecs = [
  "SYMMETRIC_DEFAULT",
  "RSA_2048",
  "RSA_3072",
  "RSA_4096",
  "ECC_NIST_P256",
  "ECC_NIST_P384",
  "ECC_NIST_P521",
  "ECC_SECG_P256K1",
  "ECC_NIST_EDWARDS25519",
  "HMAC_224",
  "HMAC_256",
  "HMAC_384",
  "HMAC_512",
  "SM2",
  "ML_DSA_44",
  "ML_DSA_65",
  "ML_DSA_87",
  "ML_KEM_512",
  "ML_KEM_768",
  "ML_KEM_1024",
] as const;
export type KeySpec = (typeof keySpecs)[number];

/** What key tokens call the spec of their key: the API's, but that SYMMETRIC_DEFAULT is AES-256 alone. */
export type HbkSpec = KeySpec | SymmetricSpec;

/** What the API's SYMMETRIC_DEFAULT may be: AES-256, under that name, or SM4. */
export type SymmetricSpec = "SYMMETRIC_DEFAULT" | "SM4";

export const keyUsages = [
  "ENCRYPT_DECRYPT",
  "SIGN_VERIFY",
  "GENERATE_VERIFY_MAC",
  "KEY_AGREEMENT",
  "ENCAPSULATE_DECAPSULATE",
] as const;
export type KeyUsage = (typeof keyUsages)[number];

export const origins = ["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"] as const;
export type Origin = (typeof origins)[number];

export const encryptionAlgorithms = ["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"] as const;
export type EncryptionAlgorithm = (typeof encryptionAlgorithms)[number];

export const signingAlgorithms = [
  "RSASSA_PSS_SHA_256",
  "RSASSA_PSS_SHA_384",
  "RSASSA_PSS_SHA_512",
  "RSASSA_PKCS1_V1_5_SHA_256",
  "RSASSA_PKCS1_V1_5_SHA_384",
  "RSASSA_PKCS1_V1_5_SHA_512",
  "ECDSA_SHA_256",
  "ECDSA_SHA_384",
  "ECDSA_SHA_512",
  "SM2DSA",
  "ML_DSA_SHAKE_256",
  "ED25519_SHA_512",
  "ED25519_PH_SHA_512",
] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

export const messageTypes = ["RAW", "DIGEST", "EXTERNAL_MU"] as const;
export type MessageType = (typeof messageTypes)[number];

export const macAlgorithms = ["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"] as const;
export type MacAlgorithm = (typeof macAlgorithms)[number];

export const keyAgreementAlgorithms = ["ECDH"] as const;
export type KeyAgreementAlgorithm = (typeof keyAgreementAlgorithms)[number];

export const encapsulationAlgorithms = ["ML_KEM"] as const;
export type EncapsulationAlgorithm = (typeof encapsulationAlgorithms)[number];

export const dataKeySpecs = ["AES_256", "AES_128"] as const;
export type DataKeySpec = (typeof dataKeySpecs)[number];

export const dataKeyPairSpecs = [
  "RSA_2048",
  "RSA_3072",
  "RSA_4096",
  "ECC_NIST_P256",
  "ECC_NIST_P384",
  "ECC_NIST_P521",
  "ECC_SECG_P256K1",
  "SM2",
  "ECC_NIST_EDWARDS25519",
  "ML_KEM_512",
  "ML_KEM_768",
  "ML_KEM_1024",
] as const satisfies readonly KeySpec[];
export type DataKeyPairSpec = (typeof dataKeyPairSpecs)[number];

/** AWS's name is AlgorithmSpec. */
export const wrappingAlgorithms = [
  "RSAES_PKCS1_V1_5",
  "RSAES_OAEP_SHA_1",
  "RSAES_OAEP_SHA_256",
  "RSA_AES_KEY_WRAP_SHA_1",
  "RSA_AES_KEY_WRAP_SHA_256",
  "SM2PKE",
] as const;
export type WrappingAlgorithm = (typeof wrappingAlgorithms)[number];

export const wrappingKeySpecs = ["RSA_2048", "RSA_3072", "RSA_4096", "SM2"] as const satisfies readonly KeySpec[];
export type WrappingKeySpec = (typeof wrappingKeySpecs)[number];

export const expirationModels = ["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"] as const;
export type ExpirationModel = (typeof expirationModels)[number];

export const importTypes = ["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"] as const;
export type ImportType = (typeof importTypes)[number];

export const keyStates = [
  "Creating",
  "Enabled",
  "Disabled",
  "PendingDeletion",
  "PendingImport",
  "PendingReplicaDeletion",
  "Unavailable",
  "Updating",
] as const;
export type KeyState = (typeof keyStates)[number];

/**
 * The order in which AWS's answers list the values of an enumeration, where they have been recorded. Of the others, it is
 * the order above: that of AWS's model. Values newer than either come last. (What AWS lists for DataKeySpec is KeySpec, by
 * mistake.)
 */
export const listed = {
  KeySpec: [
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
  ],
  EncryptionAlgorithm: ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE", "SYMMETRIC_DEFAULT"],
  SigningAlgorithm: [
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
  ],
  MacAlgorithm: ["HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"],
} as const satisfies {
  readonly KeySpec: readonly KeySpec[];
  readonly EncryptionAlgorithm: readonly EncryptionAlgorithm[];
  readonly SigningAlgorithm: readonly SigningAlgorithm[];
  readonly MacAlgorithm: readonly MacAlgorithm[];
};
