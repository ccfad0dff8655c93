import { KmsError } from "../base/errors.ts";
import type { KeyState } from "./key-spec.ts";

/**
 * What each operation does in each key state (Developer Guide, "Key states of AWS KMS keys"). Where the guide allows
 * DisabledException or KMSInvalidStateException for a key that is pending deletion, it is KMSInvalidStateException here.
 */
type Verdict = "ok" | keyof typeof refusals;

const refusals = {
  disabled: ["DisabledException", "disabled"],
  pendingDeletion: ["KMSInvalidStateException", "pendingDeletion"],
  pendingReplicaDeletion: ["KMSInvalidStateException", "pendingReplicaDeletion"],
  notPendingDeletion: ["KMSInvalidStateException", "notPendingDeletion"],
  pendingImport: ["KMSInvalidStateException", "pendingImport"],
  imported: ["UnsupportedOperationException", "imported"],
  unavailable: ["KMSInvalidStateException", "unavailable"],
  creating: ["KMSInvalidStateException", "creating"],
  updating: ["KMSInvalidStateException", "updating"],
  inKeyStore: ["UnsupportedOperationException", "inKeyStore"],
} as const;

type Row = Readonly<Record<KeyState, Verdict>>;

const always: Row = {
  Enabled: "ok",
  Disabled: "ok",
  PendingDeletion: "ok",
  PendingReplicaDeletion: "ok",
  PendingImport: "ok",
  Unavailable: "ok",
  Creating: "ok",
  Updating: "ok",
};

const notWhilePendingDeletion: Row = {
  ...always,
  PendingDeletion: "pendingDeletion",
  PendingReplicaDeletion: "pendingReplicaDeletion",
};

const cryptographic: Row = {
  ...notWhilePendingDeletion,
  Disabled: "disabled",
  PendingImport: "pendingImport",
  Unavailable: "unavailable",
  Creating: "creating",
};

const enabling: Row = {
  ...notWhilePendingDeletion,
  PendingImport: "pendingImport",
  Creating: "creating",
  Updating: "updating",
};

const rotating: Row = {
  ...notWhilePendingDeletion,
  Disabled: "disabled",
  PendingImport: "pendingImport",
  Unavailable: "inKeyStore",
  Creating: "creating",
};

const importing: Row = {
  ...notWhilePendingDeletion,
  Unavailable: "unavailable",
  Creating: "creating",
  Updating: "updating",
};

const rows: Readonly<Record<string, Row>> = {
  CancelKeyDeletion: {
    Enabled: "notPendingDeletion",
    Disabled: "notPendingDeletion",
    PendingDeletion: "ok",
    PendingReplicaDeletion: "ok",
    PendingImport: "notPendingDeletion",
    Unavailable: "notPendingDeletion",
    Creating: "notPendingDeletion",
    Updating: "notPendingDeletion",
  },
  CreateAlias: notWhilePendingDeletion,
  CreateGrant: { ...cryptographic, Unavailable: "ok" },
  Decapsulate: cryptographic,
  Decrypt: cryptographic,
  DeleteAlias: always,
  DeleteImportedKeyMaterial: { ...always, Creating: "creating", Updating: "updating" },
  DeriveSharedSecret: cryptographic,
  DescribeKey: always,
  DisableKey: enabling,
  DisableKeyRotation: { ...rotating, PendingImport: "imported" },
  EnableKey: enabling,
  EnableKeyRotation: { ...rotating, PendingImport: "imported" },
  Encapsulate: cryptographic,
  Encrypt: cryptographic,
  GenerateDataKey: cryptographic,
  GenerateDataKeyPair: { ...cryptographic, Unavailable: "inKeyStore" },
  GenerateDataKeyPairWithoutPlaintext: { ...cryptographic, Unavailable: "inKeyStore" },
  GenerateDataKeyWithoutPlaintext: cryptographic,
  GenerateMac: cryptographic,
  GetKeyLastUsage: always,
  GetKeyPolicy: always,
  GetKeyRotationStatus: { ...always, PendingImport: "imported", Unavailable: "inKeyStore" },
  GetParametersForImport: importing,
  GetPublicKey: { ...notWhilePendingDeletion, Unavailable: "unavailable", Creating: "creating" },
  ImportKeyMaterial: { ...importing, Updating: "ok" },
  ListAliases: always,
  ListGrants: always,
  ListKeyPolicies: always,
  ListKeyRotations: { ...always, Unavailable: "inKeyStore" },
  ListResourceTags: always,
  PutKeyPolicy: always,
  ReEncrypt: cryptographic,
  ReplicateKey: { ...rotating, Updating: "updating" },
  RetireGrant: always,
  RevokeGrant: always,
  RotateKeyOnDemand: rotating,
  ScheduleKeyDeletion: { ...notWhilePendingDeletion, Updating: "updating" },
  Sign: cryptographic,
  TagResource: notWhilePendingDeletion,
  UntagResource: notWhilePendingDeletion,
  UpdateAlias: notWhilePendingDeletion,
  UpdateKeyDescription: notWhilePendingDeletion,
  UpdatePrimaryRegion: rotating,
  Verify: cryptographic,
  VerifyMac: cryptographic,
};

/** Throws what `operation` answers on a key in `state`; an operation without a row is a fault of ours. */
export function checkState(operation: string, state: KeyState, arn: string): void {
  const row = rows[operation];
  if (!row) throw new Error(`no key states are listed for ${operation}`);
  const verdict = row[state];
  if (verdict === "ok") return;
  throw new KmsError(...refusals[verdict], { arn });
}
