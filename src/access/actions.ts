/**
 * The actions that KMS policies can name (Service Authorization Reference, "AWS Key Management Service"), without their
 * prefix. More than this service performs: a policy written for AWS is a good policy.
 */
const kmsActions = (
  "CancelKeyDeletion ConnectCustomKeyStore CreateAlias CreateCustomKeyStore CreateGrant CreateKey Decapsulate Decrypt " +
  "DeleteAlias DeleteCustomKeyStore DeleteImportedKeyMaterial DeriveSharedSecret DescribeCustomKeyStores DescribeKey " +
  "DisableKey DisableKeyRotation DisconnectCustomKeyStore EnableKey EnableKeyRotation Encapsulate Encrypt " +
  "GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext " +
  "GenerateMac GenerateRandom GetKeyLastUsage GetKeyPolicy GetKeyRotationStatus GetParametersForImport GetPublicKey " +
  "ImportKeyMaterial ListAliases ListGrants ListKeyPolicies ListKeyRotations ListKeys ListResourceTags " +
  "ListRetirableGrants PutKeyPolicy ReEncryptFrom ReEncryptTo ReplicateKey RetireGrant RevokeGrant RotateKeyOnDemand " +
  "ScheduleKeyDeletion Sign SynchronizeMultiRegionKey TagResource UntagResource UpdateAlias UpdateCustomKeyStore " +
  "UpdateKeyDescription UpdatePrimaryRegion Verify VerifyMac"
).split(" ");

/** Lower case: IAM compares actions without regard to case. */
export const knownActions: readonly string[] = kmsActions.map((name) => `kms:${name.toLowerCase()}`);
