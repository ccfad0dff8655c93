/** What the API limits. The configuration may change `keysPerRegion`; the others are as AWS has them, and fixed. */

/** Resource quotas (Developer Guide, "Resource quotas"): whoever goes beyond is told by a LimitExceededException of the name. */
export const quotas = {
  keysPerRegion: 100_000,
  aliasesPerKey: 50,
  grantsPerKey: 50_000,
  customKeyStoresPerRegion: 10,
  tagsPerKey: 50,
  onDemandRotationsPerKey: 25,
} as const;

/** Of the requests, where the service enforces less than the model says. */
export const limits = {
  /** Of a key policy, in bytes (Developer Guide, "Resource quotas"). */
  keyPolicyBytes: 32_768,
  /** Of a managed identity policy, in bytes (IAM User Guide, "IAM and AWS STS quotas"). */
  identityPolicyBytes: 6_144,
  /** Likewise. */
  accessKeysPerUser: 2,
  /** ScheduleKeyDeletion. */
  pendingWindowDays: { least: 7, most: 30, unlessStated: 30 },
  /** ImportKeyMaterial. */
  importedMaterialDays: 365,
} as const;
