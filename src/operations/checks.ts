import { KmsError } from "../base/errors.ts";
import type { EncryptionAlgorithm, KeySpec } from "../model/key-spec.ts";
import type { TypeOf } from "../model/shape.ts";
import type { recipient } from "./members.ts";

/** A dry run ends where the key would be used: what was wrong has been said by then. */
export function dryRunDone(dryRun: boolean | undefined): void {
  if (dryRun) {
    throw new KmsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.");
  }
}

/** The condition key of the algorithm; SYMMETRIC_DEFAULT is the only one of a symmetric key. */
export function algorithmCondition(
  algorithm: EncryptionAlgorithm = "SYMMETRIC_DEFAULT",
): readonly (readonly [string, string])[] {
  return [["kms:EncryptionAlgorithm", algorithm]];
}

export function checkAlgorithm(algorithm: EncryptionAlgorithm | undefined, spec: KeySpec): void {
  if (algorithm !== undefined && algorithm !== "SYMMETRIC_DEFAULT") {
    throw new KmsError("InvalidKeyUsageException", `Algorithm ${algorithm} is incompatible with key spec ${spec}.`);
  }
}

/** No service of AWS calls on somebody's behalf. */
export const notForAwsResource: ReadonlyMap<string, string> = new Map([["kms:GrantIsForAWSResource", "false"]]);

/** Answering an enclave needs attestation roots in the configuration. */
export function noRecipient(value: TypeOf<typeof recipient> | undefined): void {
  if (value) {
    throw new KmsError(
      "UnsupportedOperationException",
      "Recipient is not supported: no attestation root is configured.",
    );
  }
}

/** A key has one policy, and this is its name. */
export function checkPolicyName(name: string): void {
  if (name !== "default") throw new KmsError("NotFoundException", "No such policy exists");
}

/** The model allows 1,000; some lists take fewer. */
export function checkLimit(limit: number, most: number): void {
  if (limit > most) {
    throw new KmsError(
      "ValidationException",
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: ` +
        `Member must have value less than or equal to ${most}`,
    );
  }
}

export function checkSymmetric(key: { readonly arn: string; readonly spec: KeySpec }, operation: string): void {
  if (key.spec !== "SYMMETRIC_DEFAULT") {
    throw new KmsError(
      "InvalidKeyUsageException",
      `${key.arn} key spec is ${key.spec} which is not valid for ${operation}.`,
    );
  }
}
