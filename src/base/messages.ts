/**
 * Every text that an error of the API can have, by exception. `{name}` stands for a value from where the error is thrown.
 *
 * To add one: write it under its exception, below `recorded` when AWS's own words are known, else below `ours`; then
 * `throw new KmsError("NotFoundException", "key", { arn })`. The compiler takes no other exception, text or values, and a
 * test finds a text that nothing uses. Clients and the audit log are shown the values as they are: never a secret, and
 * nothing of a request that could be one. An exception without texts is thrown by its name alone.
 */

/** By exception, by name. */
export type Texts = Readonly<Record<string, Readonly<Record<string, string>>>>;

const notAuthorized = "User: {principal} is not authorized to perform: {action} on resource: {resource}";

/** AWS's words: printed in its documentation, or answered by the service. */
export const recorded = {
  AccessDeniedException: {
    ciphertext:
      "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
    identityDeny: `${notAuthorized} with an explicit deny in an identity-based policy`,
    resourceDeny: `${notAuthorized} with an explicit deny in a resource-based policy`,
    noIdentityPolicy: `${notAuthorized} because no identity-based policy allows the {action} action`,
    noResourcePolicy: `${notAuthorized} because no resource-based policy allows the {action} action`,
    noPolicy: `${notAuthorized} because no identity-based or resource-based policy allows the {action} action`,
  },
  AlreadyExistsException: {
    alias: "An alias with the name {arn} already exists",
  },
  DependencyTimeoutException: {
    timeout: "The system timed out while trying to fulfill the request. You can retry the request.",
  },
  DisabledException: {
    disabled: "{arn} is disabled.",
  },
  DryRunOperationException: {
    dryRun: "The request would have succeeded, but the DryRun option is set.",
  },
  IncompleteSignatureException: {
    algorithm: "Unsupported AWS 'algorithm' (only AWS4-HMAC-SHA256 for now).",
    date: "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601",
    missing: "{parts}",
    scope: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    terminator: "Credential should be scoped with a valid terminator: 'aws4_request'.",
  },
  IncorrectKeyException: {
    key: "The key ID in the request does not identify a CMK that can perform this operation.",
  },
  InvalidArnException: {
    alias: "Key Aliases are not supported for this operation.",
    principal: "ARN does not refer to a valid principal: {arn}",
  },
  InvalidCiphertextException: {},
  InvalidKeyUsageException: {
    algorithm: "Algorithm {algorithm} is incompatible with key spec {spec}.",
    dataKey: "You cannot generate a data key with an asymmetric CMK",
    usage: "{arn} key usage is {usage} which is not valid for {operation}.",
  },
  InvalidSignatureException: {
    date: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
    early: "Signature not yet current: {time} is still later than {limit} ({now} + 5 min.)",
    expired: "Signature expired: {time} is now earlier than {limit} ({now} - 5 min.)",
    host: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    region: "Credential should be scoped to a valid region.",
    service: "Credential should be scoped to correct service: '{service}'.",
    signature:
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    unsigned: "'{name}' must be a 'SignedHeader' in the AWS Authorization.",
  },
  KMSInternalException: {
    failure: "The request was rejected because an internal exception occurred. The request can be retried.",
  },
  KMSInvalidMacException: {},
  KMSInvalidSignatureException: {},
  KMSInvalidStateException: {
    creating: "{arn} is creating.",
    noPendingRotation: "No available key material pending rotation for the key: {arn}.",
    notPendingDeletion: "{arn} is not pending deletion.",
    pendingDeletion: "{arn} is pending deletion.",
    pendingImport: "{arn} is pending import.",
    pendingReplicaDeletion: "{arn} is pending replica deletion.",
    pendingRotation:
      "New key material (id: {id}) cannot be imported into KMS key {arn}, because another key material (id: {pending}) is pending rotation.",
    proxyPlaintext:
      "The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.",
    unavailable: "{arn} is unavailable.",
    updating: "{arn} is updating.",
  },
  LimitExceededException: {
    onDemandRotationsPerKey:
      "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: {arn}",
  },
  MalformedPolicyDocumentException: {
    lockout: "The new key policy will not allow you to update the key policy in the future.",
    principal: "Policy contains a statement with one or more invalid principals.",
  },
  MissingAuthenticationTokenException: {
    token: "Missing Authentication Token",
  },
  NotFoundException: {
    alias: "Alias {arn} is not found.",
    arnKeyId: "Invalid keyId {id}",
    key: "Key '{arn}' does not exist",
    keyId: "Invalid keyId '{id}'",
    policy: "No such policy exists",
    region: "Invalid arn {region}",
  },
  TagException: {
    duplicate: "Duplicate tag keys",
    reserved: "Tags beginning with aws: are reserved",
  },
  ThrottlingException: {
    rate: "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
  },
  UnknownOperationException: {},
  UnrecognizedClientException: {
    token: "The security token included in the request is invalid.",
  },
  UnsupportedOperationException: {
    imported: "{arn} origin is EXTERNAL which is not valid for this operation.",
    notPrimary: "{arn} is not a multi-region primary key.",
    origin: "{arn} origin is {origin} which is not valid for this operation.",
  },
  ValidationException: {
    aliasPrefix:
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    compatible: "KeyUsage {usage} is not compatible with KeySpec {spec}",
    constraint: "1 validation error detected: {parts}",
    constraints: "{count} validation errors detected: {parts}",
    contextAsymmetric: "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.",
    createGrantAlone: "Grants must not contain only the CreateGrant operation.",
    dataKey: "Please specify either number of bytes or key spec.",
    digestLength: "Digest is invalid length for algorithm {algorithm}.",
    keyUsage: "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    messageType: "Message type {type} is incompatible with algorithm {algorithm}.",
    messageTypeSpec: "Message type {type} is incompatible with key spec {spec}.",
    numberOfBytes: "NumberOfBytes is required.",
    pendingWindow: "PendingWindowInDays must be between {least} and {most}",
    plaintext: "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {longest} bytes.",
    validTo: "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
  },
} as const satisfies Texts;

/** What went wrong between this service and an external key store proxy, under the exceptions of kms/xks-errors.ts. */
export const proxyFailures = {
  // AWS's words (Developer Guide, "Troubleshooting external key stores").
  AccessDeniedException:
    "The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.",
  AuthenticationFailedException:
    "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary.",
  DependencyTimeoutException:
    "The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.",
  InvalidCiphertextException:
    "The external key store proxy rejected the request because the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.",
  InvalidKeyUsageException:
    "The external key store proxy rejected the request because the external key does not support the requested operation.",
  InvalidStateException:
    "The external key store proxy rejected the request because the external key is not enabled in the external key manager.",
  InvalidUriPathException:
    "The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.",
  KeyNotFoundException: "The external key store proxy rejected the request because it could not find the external key.",
  UnsupportedOperationException:
    "The external key store proxy rejected the request because it does not support the requested cryptographic operation.",
  ValidationException:
    "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, consult your external key store proxy administrator.",
  malformed:
    "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, consult your external key store proxy administrator.",
  "no key manager":
    "The external key store proxy is in an unhealthy state. If you see this message repeatedly, notify your external key store proxy administrator.",
  timeout:
    "AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.",
  tls: "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.",
  // AWS's end with "in your external key store".
  unreachable:
    "AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store, and listed in the configuration of this service.",
  // Ours.
  InternalException:
    "The external key store proxy cannot communicate with its key manager. Verify that the key manager is available.",
  ThrottlingException:
    "The external key store proxy has refused the request because of a high request rate. Reduce the frequency of your calls.",
} as const;

/** Why an attestation document proves nothing: a part of the text for it. */
export const attestationProblems = {
  authority: "a certificate is not that of a CA",
  bundle: "it has no bundle of certificates",
  cbor: "it is not CBOR",
  certificate: "a certificate cannot be read",
  certificateDates: "a certificate is not valid now",
  certificateUse: "its certificate is not one for signatures",
  certificates: "it has no certificates",
  chain: "its certificates are not a chain",
  coseSign1: "it is not a COSE_Sign1 structure",
  criticalExtension: "a certificate has a critical extension that is not known here",
  digest: "its digest is not SHA384",
  module: "it names no module",
  payload: "its payload is not a map",
  publicKey: "it has no RSA public key of 2048 to 4096 bits",
  registerNumber: "a register has no number",
  registerValue: "a register is not a digest",
  registers: "it has no registers",
  root: "its root is not one that is trusted here",
  signature: "its signature is not valid",
  signatureAlgorithm: "its algorithm is not ES384",
  signatureLength: "its signature is not one of ES384",
  time: "it has no time",
  validity: "it is not of now",
} as const;

/** Our words: AWS's are not known, or say less, or AWS has no such case. */
export const ours = {
  AccessDeniedException: {
    foreignOperation: `${notAuthorized} because the operation is not for other accounts`,
    foreignPrincipal: `${notAuthorized} because the principal is of another account`,
  },
  AlreadyExistsException: {
    accessKey: "The access key {id} exists.",
    replica: "The multi-Region key {arn} already exists.",
    user: "The user {name} exists.",
  },
  CloudHsmClusterInUseException: {
    cluster: "Another custom key store has this cluster.",
  },
  CloudHsmClusterNotActiveException: {
    cluster: "The cluster does not answer.",
  },
  CloudHsmClusterNotFoundException: {
    cluster: "The configuration of this service has no such cluster.",
  },
  CloudHsmClusterNotRelatedException: {
    cluster: "The cluster has another certificate than the one before.",
  },
  ConflictException: {
    accessKeys: "The user {name} has access keys.",
    rotationSoon: "An automatic rotation of {arn} is due within {minutes} minutes.",
  },
  CustomKeyStoreHasCMKsException: {
    keys: "There are KMS keys in the custom key store {id}.",
  },
  CustomKeyStoreInvalidStateException: {
    connected: "The custom key store {id} is {state}; it must be DISCONNECTED.",
    disconnected: "The custom key store {id} is {state}; it must be CONNECTED, CONNECTING or FAILED.",
    failed: "The custom key store {id} is {state}; it must be disconnected first.",
    notConnected: "The custom key store {id} is {state}, not CONNECTED.",
  },
  CustomKeyStoreNameInUseException: {
    name: "Another custom key store has this name.",
  },
  CustomKeyStoreNotFoundException: {
    keyStore: "The custom key store does not exist.",
  },
  ExpiredImportTokenException: {},
  IncompleteSignatureException: {
    order: "Authorization header must have Credential, SignedHeaders and Signature, in this order.",
    repeated: "The header '{name}' must not be repeated.",
    signature: "The Signature must be 64 lower-case hexadecimal digits.",
  },
  IncorrectKeyMaterialException: {
    another: "The key material is not the one that the KeyMaterialId in the request identifies.",
    known: "The key material is already associated with this KMS key.",
    unfit: "The key material is not that of a KMS key of spec {spec}.",
    unknown: "The key material is not one that was imported into this KMS key before.",
  },
  IncorrectTrustAnchorException: {
    certificate: "The certificate is not the trust anchor of the cluster.",
  },
  InvalidAliasNameException: {
    characters: "The alias name contains characters that are not allowed.",
    reserved: "Alias names that begin with alias/aws/ are reserved.",
  },
  InvalidArnException: {
    arn: "The ARN is not that of a KMS key or alias.",
    retiring: "The retiring principal is not an ARN.",
  },
  InvalidGrantIdException: {
    grantId: "The grant ID is not valid.",
  },
  InvalidGrantTokenException: {
    grantToken: "The grant token is not valid.",
  },
  InvalidImportTokenException: {},
  InvalidKeyUsageException: {
    dataKeyPair: "You cannot generate a data key pair with an asymmetric CMK",
  },
  InvalidMarkerException: {
    marker: "The marker is not one that this list has given out.",
  },
  InvalidSignatureException: {
    absent: "A 'SignedHeader' is not in the request.",
    body: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    order: "The SignedHeaders must be in ascending order and unique.",
  },
  KMSInvalidStateException: {
    aliasTarget: "The alias and the target key differ in key type or key usage.",
  },
  LimitExceededException: {
    accessKeysPerUser: "The user {name} has {limit} access keys.",
    aliasesPerKey: "The key has too many aliases: {arn}",
    customKeyStoresPerRegion: "There are {limit} custom key stores already.",
    grantsPerKey: "The key has too many grants: {arn}",
    keyPolicyBytes: "The key policy must not be longer than {limit} bytes.",
    keysPerRegion: "The account has too many KMS keys in this Region.",
    tagsPerKey: "Too many tags",
  },
  MalformedPolicyDocumentException: {
    actionNone: "{place}: is no action of KMS.",
    actionService: "{place}: must be an action of KMS.",
    actionSyntax: "{place}: must be * or a service and an action.",
    arn: "{place}: must be an ARN of six components.",
    both: "{place}: has both {element} and Not{element}.",
    effect: "{place}: Effect must be Allow or Deny.",
    empty: "{place}: must not be empty.",
    everybodyElse: "{place}: NotPrincipal with Allow would admit everybody else.",
    forAllValues:
      "{place}: ForAllValues on a single-valued key is overly permissive: a request without the key satisfies it.",
    id: "{place}: must be a string.",
    identityOnly: "{place}: has a meaning in identity policies only.",
    json: "{place}: must be a JSON object without members of equal name.",
    long: "{place}: must not be longer than {limit} bytes.",
    multiValued: "{place}: a key of several values needs ForAllValues or ForAnyValue.",
    needs: "{place}: needs {element} or Not{element}.",
    nobody: "{place}: names nobody.",
    noConditionKey: "{place}: names no condition key.",
    noStatement: "{place}: there is none.",
    nullValue: "{place}: must be true or false.",
    object: "{place}: must be an object.",
    principalElement: "{place}: needs either Principal or NotPrincipal.",
    principalSyntax: '{place}: an AWS principal is "*", an account, or the ARN of an account root or user.',
    resource: "{place}: must be * or an ARN.",
    service: "{place}: a service is named like kms.amazonaws.com.",
    sid: "{place}: bad Sid.",
    sidTwice: "{place}: two have the same Sid.",
    strings: "{place}: must be a string or a list of strings, none empty.",
    unknownConditionKey: "{place}: unknown condition key {name}.",
    unknownElement: "{place}: unknown element {name}.",
    unknownOperator: "{place}: unknown operator {name}.",
    values: "{place}: must be a string, a number, a boolean, or a list of them.",
    variableDefault: "{place}: the default of a policy variable must stand in single quotes.",
    variableEnd: "{place}: a policy variable is not closed.",
    variableKey: "{place}: a policy variable does not name a single-valued condition key.",
    version: "{place}: must be 2012-10-17 or 2008-10-17.",
    // Values of conditions, by what an operator compares.
    address: "{place}: must be an IP address or CIDR range.",
    binary: "{place}: must be base64.",
    boolean: "{place}: must be true or false.",
    date: "{place}: must be a date in ISO 8601 or in seconds.",
    number: "{place}: must be a number.",
  },
  NotFoundException: {
    accessKey: "There is no access key {id}.",
    grant: "Grant {id} of {arn} does not exist",
    keyMaterial: "Key material {id} is not associated with {arn}.",
    user: "There is no user {name}.",
    userPolicy: "The user {name} has no such policy.",
  },
  RequestEntityTooLarge: {
    body: "The request body must not exceed {limit} bytes.",
  },
  SerializationException: {
    bodyDepth: "The request body is nested too deeply.",
    bodyEncoding: "The request body is not UTF-8.",
    bodyJson: "The request body is not JSON.",
    bodyNames: "The request body has two members of the same name.",
    bodyObject: "The request body must be a JSON object.",
    bodyUnicode: "The request body has a string that is not well-formed Unicode.",
    base64: "The member '{path}' must be valid base64.",
    blob: "The member '{path}' must be a base64 string.",
    boolean: "The member '{path}' must be a boolean.",
    integer: "The member '{path}' must be an integer.",
    list: "The member '{path}' must be a list.",
    map: "The member '{path}' must be a map of strings.",
    string: "The member '{path}' must be a string.",
    structure: "The member '{path}' must be an object.",
    timestamp: "The member '{path}' must be a timestamp.",
    unicode: "The member '{path}' must be well-formed Unicode.",
  },
  UnknownOperationException: {
    path: "The only request of this API is POST /.",
  },
  UnsupportedOperationException: {
    hsm: "The HSM of this key does not support this operation.",
    // What an HSM says of itself.
    hsmReason: "{reason}",
    importSpec: "Key material of {spec} keys cannot be imported.",
    importSymmetric: "{member} is valid with symmetric encryption KMS keys only.",
    inKeyStore: "{arn} is in a custom key store, which does not support this operation.",
    keyStoreKey: "A custom key store holds symmetric encryption keys of one Region only.",
    keyStoreRandom: "An external key store generates no random bytes.",
    recipient: "Recipient is not supported: no attestation root is configured.",
    replicaMaterial: "{arn} is a multi-region replica key: new key material is imported into its primary key first.",
    replicaRegion: "Keys cannot be replicated to the Region {region}.",
    sm2: "SM2 is supported in China Regions only.",
    wrapping:
      "The wrapping algorithm {algorithm} with the wrapping key spec {keySpec} is not valid for {spec} key material.",
    wrappingKeySpec: "The wrapping algorithm {algorithm} is not valid with the wrapping key spec {keySpec}.",
    wrappingPkcs1: "The wrapping algorithm RSAES_PKCS1_V1_5 is no longer supported.",
    // AWS answers these without a text.
    publicKey: "{arn} key spec is {spec} which is not valid for GetPublicKey.",
    rotation: "{arn} key spec is {spec} which is not valid for this operation.",
  },
  ValidationException: {
    accessKeyId: "Not valid: an access key id has 3 to 128 letters, digits and _.",
    accessKeySecret: "Not valid: a secret access key has 4 to 128 printable characters.",
    account: "Not valid: an account is 12 digits.",
    advanceSeconds:
      "advanceSeconds must be a whole number of seconds, not negative, and lead to no later year than 9000",
    attestation: "The attestation document cannot be verified: {reason}.",
    cloudHsmMembers: "CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are for AWS CloudHSM key stores.",
    cloudHsmNeeds: "A CloudHSM key store needs CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword.",
    context: "The encryption context is too large.",
    ciphertextKey: "A key ID is required for the algorithm {algorithm}.",
    customerMasterKeySpec: "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. Use KeySpec.",
    dryRunKey: "A key ID is required when the ciphertext is ignored.",
    dryRunModifiers: "DryRunModifiers can only be used when DryRun is set.",
    grantConstraintPairs: "A grant constraint can have up to {limit} encryption context pairs.",
    grantConstraintSpec: "Encryption context constraints are not supported by a key of spec {spec}.",
    grantConstraintValue: "An encryption context value in a grant constraint cannot exceed {limit} characters.",
    grantConstraints: "Specify EncryptionContextEquals or EncryptionContextSubset, not both.",
    grantOperation: "Grant operation {operation} is not supported by a key of spec {spec} and usage {usage}.",
    grantRetiringService: "A grant to a service principal needs a retiring principal.",
    grantSourceArn: "A grant to a service principal needs a SourceArn constraint.",
    grantee: "Specify either GranteePrincipal or GranteeServicePrincipal.",
    granteeFilter: "Specify GranteePrincipal or GranteeServicePrincipal, not both.",
    keyMaterialId: "A KeyMaterialId cannot be specified with the ImportType NEW_KEY_MATERIAL.",
    keyStoreChange: "There is nothing to change.",
    keyStoreFilter: "Specify CustomKeyStoreId or CustomKeyStoreName, not both.",
    keyStoreMember: "{member} is not for custom key stores of this type.",
    keyStoreOrigin: "The custom key store is of type {type}, which takes keys of origin {type} only.",
    listMarker: "The marker is not one of this list.",
    macMessage: "Messages that begin with the octets 00000001 5352312d are reserved.",
    originKeyStore: "Origin {origin} goes with a CustomKeyStoreId.",
    peerKey: "The public key is not one of key spec {spec} in DER.",
    recipient: "Recipient needs KeyEncryptionAlgorithm and AttestationDocument.",
    retireGrant: "Specify either GrantToken, or both KeyId and GrantId.",
    retiring: "Specify RetiringPrincipal or RetiringServicePrincipal, not both.",
    retiringFilter: "Specify either RetiringPrincipal or RetiringServicePrincipal.",
    iamName: "Not valid: {what} has 1 to {longest} letters, digits and +=,.@_-.",
    serviceFilter: "Only service principals can filter grants by a service principal.",
    validToLate: "The validTo date must be at most {days} days in the future.",
    validToPast: "The validTo date must be in the future.",
    validToUnused: "A validTo date must not be set if the ExpirationModel is {model}",
    vpcService: "XksProxyVpcEndpointServiceName goes with XksProxyConnectivity VPC_ENDPOINT_SERVICE.",
    xksKeyIdKeyStore: "XksKeyId goes with a CustomKeyStoreId.",
    xksKeyIdNeeded: "XksKeyId is required in an external key store.",
    xksKeyIdUnused: "XksKeyId is for external key stores only.",
    xksMembers: "XksProxy members are for external key stores.",
    xksNeeds:
      "An external key store needs XksProxyUriEndpoint, XksProxyUriPath, XksProxyAuthenticationCredential and XksProxyConnectivity.",
  },
  XksKeyAlreadyInUseException: {
    key: "The external key is that of another KMS key in this key store.",
  },
  XksKeyInvalidConfigurationException: {
    key: "The external key is not an enabled AES-256 key that can encrypt and decrypt.",
  },
  // These have the texts of proxyFailures alone.
  XksKeyNotFoundException: {},
  XksProxyIncorrectAuthenticationCredentialException: {},
  XksProxyInvalidConfigurationException: {},
  XksProxyInvalidResponseException: {},
  XksProxyUriInUseException: {
    uri: "Another external key store has this proxy endpoint and path.",
  },
  XksProxyUriUnreachableException: {},
  XksProxyVpcEndpointServiceNotFoundException: {
    service:
      "There are no Amazon VPC endpoint services here. PUBLIC_ENDPOINT is for every proxy that the configuration lists.",
  },
} as const satisfies Texts;

/** AWS's words, too: what the texts with `{parts}` list. */
export const parts = {
  // ValidationException
  enumeration: "Value{shown} at '{path}' failed to satisfy constraint: Member must satisfy enum value set: [{values}]",
  greatest:
    "Value '{value}' at '{path}' failed to satisfy constraint: Member must have value less than or equal to {max}",
  least:
    "Value '{value}' at '{path}' failed to satisfy constraint: Member must have value greater than or equal to {min}",
  long: "Value at '{path}' failed to satisfy constraint: Member must have length less than or equal to {max}",
  missing: "Value null at '{path}' failed to satisfy constraint: Member must not be null",
  missingSensitive: "Value at '{path}' failed to satisfy constraint: Member must not be null",
  pattern: "Value at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}",
  short: "Value at '{path}' failed to satisfy constraint: Member must have length greater than or equal to {min}",
  // Ours.
  unknown: "Unknown member '{name}'",
  // IncompleteSignatureException
  date: "Authorization header requires existence of a 'X-Amz-Date' header.",
  parameter: "Authorization header requires '{name}' parameter.",
} as const;
