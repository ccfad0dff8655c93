import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import type { FoundKey } from "../kms/find.ts";
import type { UsableKey } from "../kms/use.ts";
import { type Algorithm, algorithmsOf } from "../model/algorithms.ts";
import type { EncryptionContext } from "../model/encryption-context.ts";
import type { KeyRecord } from "../model/key.ts";
import type { EncryptionAlgorithm, KeySpec } from "../model/key-spec.ts";
import { isReplica } from "../model/multi-region.ts";

/** A dry run ends where the key would be used: what was wrong has been said by then. */
export function dryRunDone(dryRun: boolean | undefined): void {
  if (dryRun) {
    throw new KmsError("DryRunOperationException", "dryRun");
  }
}

export const algorithmCondition = (algorithm: EncryptionAlgorithm): readonly (readonly [string, string])[] => [
  ["kms:EncryptionAlgorithm", algorithm],
];

export function checkAlgorithm({ spec, usage }: Pick<UsableKey, "spec" | "usage">, algorithm: Algorithm): void {
  if (!algorithmsOf(spec, usage)?.includes(algorithm)) {
    throw new KmsError("InvalidKeyUsageException", "algorithm", { algorithm, spec });
  }
}

/** The algorithm of Encrypt, Decrypt and ReEncrypt, and that nothing is bound to a ciphertext that cannot bind it. */
export function checkEncryption(
  key: UsableKey,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext | undefined,
): void {
  checkAlgorithm(key, algorithm);
  if (key.spec !== "SYMMETRIC_DEFAULT" && context && Object.keys(context).length > 0) {
    throw new KmsError("ValidationException", "contextAsymmetric");
  }
}

/** SM2 is for the regions of China, as on AWS. */
export function checkRegion(region: string, spec: KeySpec): void {
  if (spec === "SM2" && !region.startsWith("cn-")) {
    throw new KmsError("UnsupportedOperationException", "sm2");
  }
}

/** Rotation and data key pairs are not for keys in custom key stores. */
export function checkNoKeyStore(arn: string, customKeyStoreId: string | undefined): void {
  if (customKeyStoreId !== undefined) throw new KmsError("UnsupportedOperationException", "inKeyStore", { arn });
}

/** Symmetric encryption keys alone have more than one material, and only where this service makes it. */
export function checkRotatable({ value: { record, arn } }: FoundKey): void {
  checkNoKeyStore(arn, record.customKeyStoreId);
  if (record.spec !== "SYMMETRIC_DEFAULT") {
    throw new KmsError("UnsupportedOperationException", "rotation", { arn, spec: record.spec });
  }
}

/** Only material that is made here rotates by the clock. */
export function checkGenerated({ value: { record, arn } }: FoundKey): void {
  if (record.origin !== "AWS_KMS") throw unfitOrigin(record, arn);
}

/** Rotation is of a whole set of multi-Region keys, and is asked of its primary. */
export function checkNotReplica({ value: { record, arn } }: FoundKey): void {
  if (isReplica(record)) throw notPrimary(arn);
}

export const notPrimary = (arn: string): KmsError =>
  new KmsError("UnsupportedOperationException", "notPrimary", { arn });

export const unfitOrigin = ({ origin }: KeyRecord, arn: string): KmsError =>
  new KmsError("UnsupportedOperationException", "origin", { arn, origin });

/** Whether a service makes the call: what it grants is for its own resources. */
export const forAwsResource = ({ caller }: Call): readonly (readonly [string, string])[] => [
  ["kms:GrantIsForAWSResource", String(caller.service !== undefined || caller.principal.type === "AWSService")],
];

/** Lists can be filtered by services for services alone (API Reference, ListGrants, ListRetirableGrants). */
export function checkServiceFilter({ caller }: Call, service: string | undefined): void {
  if (service !== undefined && caller.principal.type !== "AWSService") {
    throw new KmsError("ValidationException", "serviceFilter");
  }
}

/** A key has one policy, and this is its name. */
export function checkPolicyName(name: string): void {
  if (name !== "default") throw new KmsError("NotFoundException", "policy");
}
