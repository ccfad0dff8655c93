/**
 * The condition keys of AWS KMS (Developer Guide, "Condition keys for AWS KMS") and the global ones (IAM User Guide,
 * "AWS global condition context keys"). A key outside of these lists is a typing error, which would make a Deny that
 * never denies: it is refused when the policy is put. Keys that this service never supplies are absent from every
 * request, which each operator has a rule for.
 */
export interface ConditionKey {
  /** Lower case, as the context is asked. */
  readonly name: string;
  readonly multiValued: boolean;
  /** Refused under ForAllValues, which an absent key satisfies. */
  readonly perRequest: boolean;
  /** Has a meaning in identity policies only. */
  readonly identityOnly: boolean;
}

const kmsKeys =
  "BypassPolicyLockoutSafetyCheck CallerAccount CustomerMasterKeySpec CustomerMasterKeyUsage DataKeyPairSpec " +
  "EncapsulationAlgorithm EncryptionAlgorithm EncryptionContextKeys ExpirationModel GrantConstraintSourceArn " +
  "GrantConstraintType GrantIsForAWSResource GrantOperations GranteePrincipal GranteeServicePrincipal " +
  "KeyAgreementAlgorithm KeyOrigin KeySpec KeyUsage MacAlgorithm MessageType MultiRegion MultiRegionKeyType " +
  "PrimaryRegion ReEncryptOnSameKey ReplicaRegion RequestAlias ResourceAliases RetiringPrincipal " +
  "RetiringServicePrincipal RotationPeriodInDays ScheduleKeyDeletionPendingWindowInDays SigningAlgorithm " +
  "TrailingDaysWithoutKeyUsage ValidTo ViaService WrappingAlgorithm WrappingKeySpec";

const globalKeys =
  "AssumedRoot CalledVia CalledViaFirst CalledViaLast ChatbotSourceArn CurrentTime Ec2InstanceSourcePrivateIPv4 " +
  "Ec2InstanceSourceVpc EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent PrincipalAccount " +
  "PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName " +
  "PrincipalServiceNamesList PrincipalType Referer RequestedRegion ResourceAccount ResourceOrgID ResourceOrgPaths " +
  "SecureTransport SourceAccount SourceArn SourceIdentity SourceIp SourceOrgID SourceOrgPaths SourceVpc SourceVpcArn " +
  "SourceVpce TagKeys TokenIssueTime UserAgent UserId Username ViaAWSService VpcSourceIp VpceAccount VpceOrgID " +
  "VpceOrgPaths";

const multiValued = new Set([
  "kms:encryptioncontextkeys",
  "kms:grantoperations",
  "kms:resourcealiases",
  "aws:calledvia",
  "aws:principalorgpaths",
  "aws:principalservicenameslist",
  "aws:resourceorgpaths",
  "aws:sourceorgpaths",
  "aws:tagkeys",
  "aws:vpceorgpaths",
]);

const lowerNames = (prefix: string, names: string): string[] =>
  names.split(" ").map((name) => `${prefix}${name.toLowerCase()}`);

const known: ReadonlyMap<string, ConditionKey> = new Map(
  [...lowerNames("kms:", kmsKeys), ...lowerNames("aws:", globalKeys)].map((name) => [
    name,
    { name, multiValued: multiValued.has(name), perRequest: false, identityOnly: name === "kms:resourcealiases" },
  ]),
);

/** What follows the prefix is the caller's or the administrator's to name. */
const families: readonly Omit<ConditionKey, "multiValued">[] = [
  { name: "kms:encryptioncontext:", perRequest: true, identityOnly: false },
  { name: "aws:requesttag/", perRequest: true, identityOnly: false },
  { name: "aws:resourcetag/", perRequest: false, identityOnly: true },
  { name: "aws:principaltag/", perRequest: false, identityOnly: false },
  { name: "kms:recipientattestation:", perRequest: false, identityOnly: false },
];

/** Names are not case-sensitive. undefined: there is no such key. */
export function conditionKey(text: string): ConditionKey | undefined {
  const name = text.toLowerCase();
  const family = families.find((prefix) => name.startsWith(prefix.name) && name.length > prefix.name.length);
  return family ? { ...family, name, multiValued: false } : known.get(name);
}
