/** What the API limits. The configuration may change `keysPerRegion`; the others are as AWS has them, and fixed. */

/** Developer Guide, "Resource quotas": whoever goes beyond is told by a LimitExceededException of the name. */
export const quotas = {
  keysPerRegion: 100_000,
  aliasesPerKey: 50,
  grantsPerKey: 50_000,
  customKeyStoresPerRegion: 10,
  tagsPerKey: 50,
  onDemandRotationsPerKey: 25,
} as const;

/** How many items a page of a list has: unless the request says, and at most (API Reference, the member Limit of each). */
export const pageSizes = {
  DescribeCustomKeyStores: { unlessStated: 100, most: 1000 },
  ListAliases: { unlessStated: 50, most: 100 },
  ListGrants: { unlessStated: 50, most: 100 },
  ListKeyRotations: { unlessStated: 100, most: 1000 },
  ListKeys: { unlessStated: 100, most: 1000 },
  ListResourceTags: { unlessStated: 50, most: 50 },
  ListRetirableGrants: { unlessStated: 50, most: 100 },
} as const;

/** What else the service limits beside the lengths of the model. */
export const limits = {
  /** The canonical form of an encryption context. AWS states no limit; it is that of its AAD. */
  encryptionContextBytes: 8192,
  /** CreateGrant, of an encryption context in a constraint. */
  grantConstraintPairs: 8,
  grantConstraintCharacters: 384,
  /** GetParametersForImport. */
  importParametersHours: 24,
  /** Of a key policy, in bytes (Developer Guide, "Resource quotas"). */
  keyPolicyBytes: 32_768,
  /** Of a managed identity policy, in bytes (IAM User Guide, "IAM and AWS STS quotas"). */
  identityPolicyBytes: 6_144,
  /** Likewise. */
  accessKeysPerUser: 2,
  /** EnableKeyRotation, unless it is stated; and AWS managed keys, always. */
  rotationPeriodDays: 365,
  /** RotateKeyOnDemand: how long before an automatic rotation. */
  onDemandRotationMinutes: 20,
  /** ScheduleKeyDeletion. */
  pendingWindowDays: { least: 7, most: 30, unlessStated: 30 },
  /** ImportKeyMaterial. */
  importedMaterialDays: 365,
} as const;
