import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KmsError } from "../../src/base/errors.ts";
import { type Answer, account, type Office, openOffice } from "./office.ts";

/*
 * What AWS's service has been seen to answer, where its documentation does not say: which of several errors comes first,
 * and in which words.
 */
describe("as AWS answers", () => {
  let office: Office;
  let symmetric: string;
  let rsa: string;
  let hmac: string;
  let ciphertext: string;

  const said = async (operation: string, request: object): Promise<string> =>
    office.admin(operation, request).then(
      () => "answered",
      ({ code, message }: KmsError) => (message === "" ? code : `${code}: ${message}`),
    );
  const blob = (length: number): string => Buffer.alloc(length, 1).toString("base64");
  const text = (answer: Answer, member: string): string => Buffer.from(answer[member]).toString("base64");
  const requests: Readonly<Record<string, (KeyId: string) => object>> = {
    Sign: (KeyId) => ({ KeyId, Message: blob(8), SigningAlgorithm: "RSASSA_PSS_SHA_256" }),
    Encrypt: (KeyId) => ({ KeyId, Plaintext: blob(8), EncryptionAlgorithm: "RSAES_OAEP_SHA_256" }),
    GenerateMac: (KeyId) => ({ KeyId, Message: blob(8), MacAlgorithm: "HMAC_SHA_512" }),
    GenerateDataKey: (KeyId) => ({ KeyId, KeySpec: "AES_256" }),
  };

  beforeAll(async () => {
    office = await openOffice();
    symmetric = await office.newKey();
    rsa = await office.newKey({ KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" });
    hmac = await office.newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    ciphertext = text(await office.admin("Encrypt", { KeyId: symmetric, Plaintext: blob(8) }), "CiphertextBlob");
  }, 60_000);
  afterAll(() => office.close());

  it.each([
    ["DisableKey", "Sign"],
    ["DisableKey", "Encrypt"],
    ["ScheduleKeyDeletion", "Sign"],
  ])("after %s, %s first says that the key is for another usage", async (change, operation) => {
    const KeyId = await office.newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    await office.admin(change, { KeyId });
    expect(await said(operation, requests[operation]?.(KeyId) as object)).toBe(
      `InvalidKeyUsageException: ${KeyId} key usage is GENERATE_VERIFY_MAC which is not valid for ${operation}.`,
    );
  });

  it.each([
    ["GenerateMac", { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }],
    ["GenerateDataKey", { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" }],
  ])("%s says that the key is disabled before what is wrong with its spec", async (operation, spec) => {
    const KeyId = await office.newKey(spec);
    await office.admin("DisableKey", { KeyId });
    expect(await said(operation, requests[operation]?.(KeyId) as object)).toBe(
      `DisabledException: ${KeyId} is disabled.`,
    );
  });

  it.each([
    [{ KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" }],
    [{ KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" }],
    [{ Origin: "EXTERNAL" }],
    [{}],
  ])("a key %j that did not make a symmetric ciphertext is the incorrect one, whatever else", async (spec) => {
    const KeyId = await office.newKey(spec);
    const incorrect =
      "IncorrectKeyException: The key ID in the request does not identify a CMK that can perform this operation.";
    expect(await said("Decrypt", { CiphertextBlob: ciphertext, KeyId })).toBe(incorrect);
    const again = { CiphertextBlob: ciphertext, SourceKeyId: KeyId, DestinationKeyId: symmetric };
    expect(await said("ReEncrypt", again)).toBe(incorrect);
  });

  it("the ciphertext of an RSA key is none without its algorithm", async () => {
    const CiphertextBlob = Buffer.alloc(256, 0xa5).toString("base64");
    expect(await said("Decrypt", { CiphertextBlob, KeyId: rsa })).toBe("InvalidCiphertextException");
    expect(await said("Encrypt", { KeyId: rsa, Plaintext: blob(8) })).toBe(
      "InvalidKeyUsageException: Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    );
  });

  it("asymmetric keys give no data keys, and have no encryption context", async () => {
    expect(await said("GenerateDataKey", { KeyId: rsa, KeySpec: "AES_256" })).toBe(
      "InvalidKeyUsageException: You cannot generate a data key with an asymmetric CMK",
    );
    const context = { ...(requests["Encrypt"]?.(rsa) as object), EncryptionContext: { a: "b" } };
    expect(await said("Encrypt", context)).toBe(
      "ValidationException: EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.",
    );
  });

  it.each([
    ["ML_DSA_44", "ML_DSA_SHAKE_256", "DIGEST", "key spec ML_DSA_44"],
    ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "DIGEST", "algorithm ED25519_SHA_512"],
    ["ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "RAW", "algorithm ED25519_PH_SHA_512"],
  ])("a key %s signs by %s no message of type %s", async (KeySpec, SigningAlgorithm, MessageType, what) => {
    const KeyId = await office.newKey({ KeySpec, KeyUsage: "SIGN_VERIFY" });
    expect(await said("Sign", { KeyId, Message: blob(8), MessageType, SigningAlgorithm })).toBe(
      `ValidationException: Message type ${MessageType} is incompatible with ${what}.`,
    );
  });

  it("what is sensitive is not even said to be null", async () => {
    const missing = (member: string) =>
      `ValidationException: 1 validation error detected: Value${member} failed to satisfy constraint: Member must not be null`;
    expect(await said("Encrypt", { KeyId: symmetric })).toBe(missing(" at 'plaintext'"));
    expect(await said("GenerateMac", { KeyId: hmac, MacAlgorithm: "HMAC_SHA_256" })).toBe(missing(" at 'message'"));
    expect(await said("VerifyMac", { KeyId: hmac, MacAlgorithm: "HMAC_SHA_256", Message: blob(8) })).toBe(
      missing(" null at 'mac'"),
    );
  });

  it("a key id beyond ASCII is none, nor one in an ARN that is ill-formed; one in capitals is that of no key", async () => {
    const arn = symmetric.replace(/key\/.*/, "key/");
    const constraint = "Member must satisfy regular expression pattern: ^\\p{ASCII}+$";
    expect(await said("DescribeKey", { KeyId: "キー" })).toBe(
      `ValidationException: 1 validation error detected: Value at 'keyId' failed to satisfy constraint: ${constraint}`,
    );
    expect(await said("DescribeKey", { KeyId: `${arn}foo` })).toBe("NotFoundException: Invalid keyId foo");
    const capitals = symmetric.slice(arn.length).toUpperCase();
    for (const KeyId of [capitals, `${arn}${capitals}`])
      expect(await said("DescribeKey", { KeyId })).toBe(`NotFoundException: Key '${arn}${capitals}' does not exist`);
  });

  it.each([
    "CancelKeyDeletion",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
  ])("%s takes no alias, whether there is one or not", async (operation) => {
    for (const KeyId of ["alias/none", symmetric.replace(/key\/.*/, "alias/none")])
      expect(await said(operation, { KeyId })).toBe(
        "InvalidArnException: Key Aliases are not supported for this operation.",
      );
  });

  it("an alias points to no alias", async () => {
    await office.admin("CreateAlias", { AliasName: "alias/a", TargetKeyId: symmetric });
    const refusal = "NotFoundException: Invalid keyId 'alias/a'";
    expect(await said("CreateAlias", { AliasName: "alias/b", TargetKeyId: "alias/a" })).toBe(refusal);
    expect(await said("UpdateAlias", { AliasName: "alias/a", TargetKeyId: "alias/a" })).toBe(refusal);
  });

  it("rotation is disabled where there never is any, and not enabled there", async () => {
    for (const KeyId of [hmac, rsa]) {
      expect(await said("DisableKeyRotation", { KeyId })).toBe("answered");
      expect(await said("EnableKeyRotation", { KeyId })).toMatch(/^UnsupportedOperationException/);
      expect(await said("RotateKeyOnDemand", { KeyId })).toMatch(/^UnsupportedOperationException/);
    }
  });

  it("a grant allows more than to make grants", async () => {
    const grant = { KeyId: symmetric, GranteePrincipal: `arn:aws:iam::${account}:root` };
    expect(await said("CreateGrant", { ...grant, Operations: ["CreateGrant"] })).toBe(
      "ValidationException: Grants must not contain only the CreateGrant operation.",
    );
    expect(await said("CreateGrant", { ...grant, Operations: ["CreateGrant", "Decrypt"] })).toBe("answered");
  });

  it("a key policy beyond 32 KB exceeds a limit", async () => {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] }).padEnd(32_769);
    expect(await said("PutKeyPolicy", { KeyId: symmetric, Policy })).toMatch(/^LimitExceededException/);
  });
});
