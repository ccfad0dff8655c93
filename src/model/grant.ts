import { rootArn, shownArn } from "./arn.ts";
import type { EncryptionContext } from "./encryption-context.ts";
import { arnOf } from "./key.ts";
import type { KeySpec, KeyUsage } from "./key-spec.ts";

/** What a grant can allow (API Reference, CreateGrant). Positions are bits of `operationBits`. */
export const grantOperations = [
  "Decrypt",
  "Encrypt",
  "GenerateDataKey",
  "GenerateDataKeyWithoutPlaintext",
  "ReEncryptFrom",
  "ReEncryptTo",
  "Sign",
  "Verify",
  "GetPublicKey",
  "CreateGrant",
  "RetireGrant",
  "DescribeKey",
  "GenerateDataKeyPair",
  "GenerateDataKeyPairWithoutPlaintext",
  "GenerateMac",
  "VerifyMac",
  "DeriveSharedSecret",
  "Encapsulate",
  "Decapsulate",
] as const;
export type GrantOperation = (typeof grantOperations)[number];

export const isGrantOperation = (name: string): name is GrantOperation =>
  (grantOperations as readonly string[]).includes(name);

/** One bit for each operation. */
export const operationBits = (operations: readonly GrantOperation[]): number =>
  operations.reduce((bits, operation) => bits | (1 << grantOperations.indexOf(operation)), 0);

/** At most one of the two encryption contexts. */
export interface GrantConstraints {
  readonly EncryptionContextSubset?: EncryptionContext;
  readonly EncryptionContextEquals?: EncryptionContext;
  readonly SourceArn?: string;
}

/** What a grant allows, and when. */
export interface GrantTerms {
  readonly operations: readonly GrantOperation[];
  readonly constraints?: GrantConstraints;
}

/**
 * A user, or the root of an account: by ARN, and by id, so that a user who is made again under the same name inherits
 * nothing.
 */
export interface GrantPrincipal {
  readonly arn: string;
  readonly id: string;
}

/** Never changes once it is made. One of the two grantees; at most one of the two who may retire it. */
export interface GrantRecord extends GrantTerms {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Of the key. */
  readonly account: string;
  readonly region: string;
  readonly keyId: string;
  readonly name?: string;
  readonly createdAt: number;
  readonly issuingAccount: string;
  readonly grantee?: GrantPrincipal;
  readonly granteeService?: string;
  readonly retiring?: GrantPrincipal;
  readonly retiringService?: string;
}

export const isGrantId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

export const keyArnOf = ({ account, region, keyId }: Pick<GrantRecord, "account" | "region" | "keyId">): string =>
  arnOf({ account, region, id: keyId });

const managing: readonly GrantOperation[] = ["CreateGrant", "RetireGrant", "DescribeKey"];

const usable: Readonly<Record<KeyUsage, readonly GrantOperation[]>> = {
  ENCRYPT_DECRYPT: ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"],
  SIGN_VERIFY: ["Sign", "Verify"],
  GENERATE_VERIFY_MAC: ["GenerateMac", "VerifyMac"],
  KEY_AGREEMENT: ["DeriveSharedSecret"],
  ENCAPSULATE_DECAPSULATE: ["Encapsulate", "Decapsulate"],
};

const dataKeys = grantOperations.filter((operation) => operation.startsWith("GenerateDataKey"));

/** What a grant on such a key can allow: what the key can do (Developer Guide, "Grant operations"). */
export function grantableOn(spec: KeySpec, usage: KeyUsage): readonly GrantOperation[] {
  const common = [...managing, ...usable[usage]];
  if (spec === "SYMMETRIC_DEFAULT") return [...common, ...dataKeys];
  return usage === "GENERATE_VERIFY_MAC" ? common : [...common, "GetPublicKey"];
}

/**
 * The pairs of an encryption context as constraints compare them, in an order that is always the same. A pair's key goes
 * without regard to case, its value by it: the API model says so (GrantConstraints). An older Developer Guide had both
 * by case; the wider reading is the newer one, and who needs the narrower has kms:EncryptionContext:* conditions. Two
 * keys of a request that differ in case stay two pairs, so Equals counts them both.
 */
export const constraintPairs = (context: EncryptionContext): readonly string[] =>
  Object.entries(context)
    .map(([key, value]) => JSON.stringify([key.toLowerCase(), value]))
    .sort();

/** GrantListEntry of the API. */
export const grantListEntry = (grant: GrantRecord): Record<string, unknown> => ({
  KeyId: keyArnOf(grant),
  GrantId: grant.id,
  Name: grant.name,
  CreationDate: new Date(grant.createdAt),
  GranteePrincipal: grant.grantee && shownArn(grant.grantee.arn, grant.region),
  GranteeServicePrincipal: grant.granteeService,
  RetiringPrincipal: grant.retiring && shownArn(grant.retiring.arn, grant.region),
  RetiringServicePrincipal: grant.retiringService,
  IssuingAccount: shownArn(rootArn(grant.issuingAccount), grant.region),
  Operations: grant.operations,
  Constraints: grant.constraints,
});
