import type { KeySpec, KeyUsageType, OriginType } from "@aws-sdk/client-kms";

/**
 * What AWS documents, as data: nothing here is read from the code that it is held against.
 *
 * Key states: Developer Guide, "Key states of AWS KMS keys". `y` works; `x` fails with one of its notes. A note 7 or 9 behind
 * them adds its error for the keys that it is about, and for those a `y` is one, too. `-`: there is no such key.
 * `same as` an operation: the guide has no row for it yet.
 */
const states = `
operation                       | Enabled | Disabled | PendingDeletion | PendingReplicaDeletion | PendingImport | Unavailable
CancelKeyDeletion               | x4      | x4       | y               | y                      | x4            | x4
CreateAlias                     | y       | y        | x3              | x3                     | y             | y
CreateGrant                     | y       | x1       | x2,3            | x2,3                   | x5            | y
Decrypt                         | y       | x1       | x2,3            | x2,3                   | x5            | x11
Encrypt                         | y       | x1       | x2,3            | x2,3                   | x5            | x11
GenerateDataKey                 | y       | x1       | x2,3            | x2,3                   | x5            | x11
GenerateDataKeyWithoutPlaintext | y       | x1       | x2,3            | x2,3                   | x5            | x11
ReEncrypt                       | y       | x1       | x2,3            | x2,3                   | x5            | x11
GenerateDataKeyPair             | y7      | x1,7     | x2,3,7          | x2,3                   | x5            | x7
GenerateDataKeyPairWithoutPlaintext | y7  | x1,7     | x2,3,7          | x2,3                   | x5            | x7
DeleteAlias                     | y       | y        | y               | y                      | y             | y
DeleteImportedKeyMaterial       | y9      | y9       | y9              | y9                     | y             | x9
DeriveSharedSecret              | y       | x1       | x2,3            | x2,3                   | x5            | -
GenerateMac                     | y       | x1       | x2,3            | x2,3                   | x5            | -
VerifyMac                       | y       | x1       | x2,3            | x2,3                   | x5            | -
Sign                            | y       | x1       | x2,3            | x2,3                   | x5            | -
Verify                          | y       | x1       | x2,3            | x2,3                   | x5            | -
Encapsulate                     | same as Sign
Decapsulate                     | same as Sign
DescribeKey                     | y       | y        | y               | y                      | y             | y
GetKeyLastUsage                 | same as DescribeKey
DisableKey                      | y       | y        | x3              | x3                     | x5            | y
EnableKey                       | y       | y        | x3              | x3                     | x5            | y
EnableKeyRotation               | y7      | x1,7     | x3,7            | x3                     | x6            | x7
DisableKeyRotation              | y7      | x1,7     | x3,7            | x3                     | x6            | x7
GetKeyPolicy                    | y       | y        | y               | y                      | y             | y
PutKeyPolicy                    | y       | y        | y               | y                      | y             | y
ListKeyPolicies                 | y       | y        | y               | y                      | y             | y
ListAliases                     | y       | y        | y               | y                      | y             | y
ListGrants                      | y       | y        | y               | y                      | y             | y
ListResourceTags                | y       | y        | y               | y                      | y             | y
RetireGrant                     | y       | y        | y               | y                      | y             | y
RevokeGrant                     | y       | y        | y               | y                      | y             | y
GetKeyRotationStatus            | y7      | y7       | y7              | y                      | x6            | x7
GetParametersForImport          | y9      | y9       | x8,9            | x8,9                   | y             | x9
GetPublicKey                    | y       | y        | x2,3            | x2,3                   | y             | -
ImportKeyMaterial               | y9      | y9       | x8,9            | x8,9                   | y             | x9
ListKeyRotations                | y7      | y7       | y7              | y                      | y             | x7
ReplicateKey                    | y       | x1       | x2,3            | x2,3                   | x5            | -
RotateKeyOnDemand               | y7      | x1,7     | x3,7            | x3                     | x5            | x7
ScheduleKeyDeletion             | y       | y        | x3              | x3                     | y             | y
TagResource                     | y       | y        | x3              | x3                     | y             | y
UntagResource                   | y       | y        | x3              | x3                     | y             | y
UpdateKeyDescription            | y       | y        | x3              | x3                     | y             | y
UpdateAlias                     | y       | y        | x10             | x10                    | y             | y
UpdatePrimaryRegion             | y       | x1       | x2,3            | x2,3                   | x5            | -
`;

/** The notes of that table. */
const notes: Readonly<Record<string, readonly string[]>> = {
  1: ["DisabledException"],
  // Where both are named, the guide leaves open which.
  2: ["DisabledException"],
  3: ["KMSInvalidStateException"],
  4: ["KMSInvalidStateException"],
  5: ["KMSInvalidStateException"],
  6: ["UnsupportedOperationException"],
  7: ["UnsupportedOperationException"],
  8: ["KMSInvalidStateException"],
  9: ["UnsupportedOperationException"],
  10: ["KMSInvalidStateException"],
  11: ["KMSInvalidStateException", "KeyUnavailableException"],
};

/** Operations that are about no key in a state. */
export const keyless: readonly string[] = [
  "ConnectCustomKeyStore",
  "CreateCustomKeyStore",
  "CreateKey",
  "DeleteCustomKeyStore",
  "DescribeCustomKeyStores",
  "DisconnectCustomKeyStore",
  "GenerateRandom",
  "ListKeys",
  "ListRetirableGrants",
  "UpdateCustomKeyStore",
];

/** A key that can be made (Developer Guide, "Key spec reference"; SM2 in the Regions of China). */
export interface Kind {
  readonly spec: KeySpec;
  readonly usage: KeyUsageType;
  readonly origin: OriginType;
  /** The primary of a multi-Region key with one replica. */
  readonly multiRegion?: true;
  /** Those that it can be used by. */
  readonly algorithms: readonly string[];
}

const oaep = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
const rsa = ["PSS", "PKCS1_V1_5"].flatMap((scheme) => [256, 384, 512].map((bits) => `RSASSA_${scheme}_SHA_${bits}`));

const kind = (spec: KeySpec, usage: KeyUsageType, ...algorithms: string[]): Kind => ({
  spec,
  usage,
  origin: "AWS_KMS",
  algorithms,
});

const symmetric = kind("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT");

export const kinds: readonly Kind[] = [
  symmetric,
  kind("RSA_2048", "ENCRYPT_DECRYPT", ...oaep),
  kind("RSA_3072", "ENCRYPT_DECRYPT", ...oaep),
  kind("RSA_4096", "ENCRYPT_DECRYPT", ...oaep),
  kind("RSA_2048", "SIGN_VERIFY", ...rsa),
  kind("RSA_3072", "SIGN_VERIFY", ...rsa),
  kind("RSA_4096", "SIGN_VERIFY", ...rsa),
  kind("ECC_NIST_P256", "SIGN_VERIFY", "ECDSA_SHA_256"),
  kind("ECC_NIST_P384", "SIGN_VERIFY", "ECDSA_SHA_384"),
  kind("ECC_NIST_P521", "SIGN_VERIFY", "ECDSA_SHA_512"),
  kind("ECC_SECG_P256K1", "SIGN_VERIFY", "ECDSA_SHA_256"),
  kind("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "ED25519_SHA_512", "ED25519_PH_SHA_512"),
  kind("ECC_NIST_P256", "KEY_AGREEMENT", "ECDH"),
  kind("ECC_NIST_P384", "KEY_AGREEMENT", "ECDH"),
  kind("ECC_NIST_P521", "KEY_AGREEMENT", "ECDH"),
  kind("HMAC_224", "GENERATE_VERIFY_MAC", "HMAC_SHA_224"),
  kind("HMAC_256", "GENERATE_VERIFY_MAC", "HMAC_SHA_256"),
  kind("HMAC_384", "GENERATE_VERIFY_MAC", "HMAC_SHA_384"),
  kind("HMAC_512", "GENERATE_VERIFY_MAC", "HMAC_SHA_512"),
  kind("SM2", "ENCRYPT_DECRYPT", "SM2PKE"),
  kind("SM2", "SIGN_VERIFY", "SM2DSA"),
  kind("SM2", "KEY_AGREEMENT", "ECDH"),
  kind("ML_DSA_44", "SIGN_VERIFY", "ML_DSA_SHAKE_256"),
  kind("ML_DSA_65", "SIGN_VERIFY", "ML_DSA_SHAKE_256"),
  kind("ML_DSA_87", "SIGN_VERIFY", "ML_DSA_SHAKE_256"),
  kind("ML_KEM_512", "ENCAPSULATE_DECAPSULATE", "ML_KEM"),
  kind("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "ML_KEM"),
  kind("ML_KEM_1024", "ENCAPSULATE_DECAPSULATE", "ML_KEM"),
  { ...symmetric, multiRegion: true },
  { ...symmetric, origin: "AWS_CLOUDHSM" },
  { ...symmetric, origin: "EXTERNAL" },
  { ...kind("HMAC_256", "GENERATE_VERIFY_MAC", "HMAC_SHA_256"), origin: "EXTERNAL" },
  { ...kind("ECC_NIST_P256", "SIGN_VERIFY", "ECDSA_SHA_256"), origin: "EXTERNAL" },
];

export type Applies = (kind: Kind) => boolean;

const isSymmetric: Applies = ({ spec }) => spec === "SYMMETRIC_DEFAULT";
const isPair: Applies = ({ spec }) => !/^(SYMMETRIC|HMAC)/.test(spec);
const usedFor =
  (usage: KeyUsageType): Applies =>
  (kind) =>
    kind.usage === usage;
const isPrimary: Applies = ({ multiRegion = false }) => multiRegion;

const usage = ["InvalidKeyUsageException"];
const unsupported = ["UnsupportedOperationException"];

/** What keys an operation is for, and what it answers on others (API Reference). An operation that is not here is for all. */
const applicability: Readonly<Record<string, readonly [Applies, readonly string[]]>> = {
  Encrypt: [usedFor("ENCRYPT_DECRYPT"), usage],
  Decrypt: [usedFor("ENCRYPT_DECRYPT"), usage],
  ReEncrypt: [usedFor("ENCRYPT_DECRYPT"), usage],
  GenerateDataKey: [isSymmetric, usage],
  GenerateDataKeyWithoutPlaintext: [isSymmetric, usage],
  GenerateDataKeyPair: [isSymmetric, usage],
  GenerateDataKeyPairWithoutPlaintext: [isSymmetric, usage],
  Sign: [usedFor("SIGN_VERIFY"), usage],
  Verify: [usedFor("SIGN_VERIFY"), usage],
  GenerateMac: [usedFor("GENERATE_VERIFY_MAC"), usage],
  VerifyMac: [usedFor("GENERATE_VERIFY_MAC"), usage],
  DeriveSharedSecret: [usedFor("KEY_AGREEMENT"), usage],
  Encapsulate: [usedFor("ENCAPSULATE_DECAPSULATE"), usage],
  Decapsulate: [usedFor("ENCAPSULATE_DECAPSULATE"), usage],
  // The reference lists both exceptions and says no more.
  GetPublicKey: [isPair, [...unsupported, ...usage]],
  EnableKeyRotation: [(kind) => isSymmetric(kind) && kind.origin === "AWS_KMS", unsupported],
  // The service has been seen to take it for keys that never rotate.
  DisableKeyRotation: [(kind) => kind.origin === "AWS_KMS", unsupported],
  // Of imported material: when there is one that waits for its turn.
  RotateKeyOnDemand: [
    (kind) => isSymmetric(kind) && kind.origin === "AWS_KMS",
    [...unsupported, "KMSInvalidStateException"],
  ],
  ListKeyRotations: [isSymmetric, unsupported],
  ReplicateKey: [isPrimary, unsupported],
  UpdatePrimaryRegion: [isPrimary, unsupported],
};

const rows: ReadonlyMap<string, ReadonlyMap<string, string>> = readStates();

function readStates() {
  const [header, ...lines] = states.trim().split("\n") as [string, ...string[]];
  const cells = (line: string) => line.split("|").map((cell) => cell.trim());
  const [, ...names] = cells(header);
  const read = new Map<string, ReadonlyMap<string, string>>();
  for (const line of lines) {
    const [operation = "", ...verdicts] = cells(line);
    const model = /^same as (\w+)$/.exec(verdicts[0] ?? "")?.[1];
    const row = model ? read.get(model) : new Map(names.map((name, i) => [name, verdicts[i] as string]));
    if (row) read.set(operation, row);
  }
  return read;
}

export const documentedOperations: readonly string[] = [...rows.keys()];

/**
 * Whether the documentation lets `operation` work on such a key, and the exceptions that it may answer otherwise.
 * undefined: it says nothing of such a key.
 */
export function documented(
  operation: string,
  state: string,
  kind: Kind,
): { readonly works: boolean; readonly errors: readonly string[] } | undefined {
  const verdict = rows.get(operation)?.get(state);
  if (verdict === undefined) throw new Error(`nothing is documented of ${operation} in state ${state}`);
  if (verdict === "-") return undefined;
  const [applies, otherwise] = applicability[operation] ?? [() => true, []];
  const conditional = (note: string): boolean =>
    note === "7" ? kind.origin === "AWS_CLOUDHSM" || state === "Unavailable" : kind.origin !== "EXTERNAL";
  const about = verdict
    .slice(1)
    .split(",")
    .filter((note) => note !== "" && (!/^[79]$/.test(note) || conditional(note)));
  const errors = about.flatMap((note) => notes[note] as readonly string[]);
  if (!applies(kind)) return { works: false, errors: [...errors, ...otherwise] };
  return { works: verdict.startsWith("y") && errors.length === 0, errors };
}
