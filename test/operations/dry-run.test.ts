import * as client from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Ask, account, allow, type Office, openOffice, refused } from "./office.ts";

const octets = (length: number): string => Buffer.alloc(length, 1).toString("base64");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Operations whose request has the member in the newest client. */
const dryRunOperations = Object.entries(client).flatMap(([name, schema]) => {
  const members = Array.isArray(schema) ? (schema[4] as unknown) : undefined;
  return name.endsWith("Request$") && Array.isArray(members) && members.includes("DryRun") ? [name.slice(0, -8)] : [];
});

describe("a dry run", () => {
  let office: Office;
  let admin: Ask;
  let stranger: Ask;
  let requests: Readonly<Record<string, Answer>>;
  let symmetric: string;

  beforeAll(async () => {
    office = await openOffice();
    admin = office.admin;
    stranger = await office.user("stranger", account, allow("kms:ListKeys"));
    symmetric = await office.newKey();
    const mac = await office.newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    const pair = await office.newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const agreement = await office.newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "KEY_AGREEMENT" });
    const kem = await office.newKey({ KeySpec: "ML_KEM_512", KeyUsage: "ENCAPSULATE_DECAPSULATE" });
    const { PublicKey } = await admin("GetPublicKey", { KeyId: agreement });
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: symmetric, Plaintext: octets(8) });
    const granting = { KeyId: symmetric, GranteePrincipal: `arn:aws:iam::${account}:root`, Operations: ["Decrypt"] };
    const { GrantId } = await admin("CreateGrant", granting);
    const blob = text(CiphertextBlob);
    const message = { Message: octets(8) };
    const sign = { KeyId: pair, ...message, SigningAlgorithm: "ECDSA_SHA_256" };
    const hmac = { KeyId: mac, ...message, MacAlgorithm: "HMAC_SHA_256" };
    const encapsulation = { KeyId: kem, EncapsulationAlgorithm: "ML_KEM" };
    requests = {
      CreateGrant: granting,
      Decapsulate: { ...encapsulation, SharedSecretCiphertextBlob: octets(768) },
      Decrypt: { CiphertextBlob: blob },
      DeriveSharedSecret: { KeyId: agreement, KeyAgreementAlgorithm: "ECDH", PublicKey: text(PublicKey) },
      Encapsulate: encapsulation,
      Encrypt: { KeyId: symmetric, Plaintext: octets(8) },
      GenerateDataKey: { KeyId: symmetric, KeySpec: "AES_256" },
      GenerateDataKeyPair: { KeyId: symmetric, KeyPairSpec: "ECC_NIST_P256" },
      GenerateDataKeyPairWithoutPlaintext: { KeyId: symmetric, KeyPairSpec: "ECC_NIST_P256" },
      GenerateDataKeyWithoutPlaintext: { KeyId: symmetric, KeySpec: "AES_256" },
      GenerateMac: hmac,
      ReEncrypt: { CiphertextBlob: blob, DestinationKeyId: symmetric },
      RetireGrant: { KeyId: symmetric, GrantId },
      RevokeGrant: { KeyId: symmetric, GrantId },
      Sign: sign,
      Verify: { ...sign, Signature: octets(70) },
      VerifyMac: { ...hmac, Mac: octets(32) },
    };
  }, 60_000);
  afterAll(() => office.close());

  it("is there for every operation that has the member", () => {
    expect(Object.keys(requests).sort()).toEqual([...dryRunOperations].sort());
  });

  it.each(dryRunOperations)("of %s tells that it would have succeeded, or why not", async (operation) => {
    const request = { ...requests[operation], DryRun: true };
    await expect(admin(operation, request)).rejects.toMatchObject({
      code: "DryRunOperationException",
      message: "The request would have succeeded, but the DryRun option is set.",
    });
    expect(await refused(stranger(operation, request))).toBe("AccessDeniedException");
  });

  it("changes nothing: the grants are those of before", async () => {
    const grants = async () => (await admin("ListGrants", { KeyId: symmetric }))["Grants"];
    const before = await grants();
    for (const operation of ["CreateGrant", "RetireGrant", "RevokeGrant"]) {
      await refused(admin(operation, { ...requests[operation], DryRun: true }));
    }
    expect(await grants()).toEqual(before);
  });

  it("looks at the key's state", async () => {
    const key = await office.newKey();
    await admin("DisableKey", { KeyId: key });
    const request = { KeyId: key, Plaintext: octets(1), DryRun: true };
    expect(await refused(admin("Encrypt", request))).toBe("DisabledException");
  });

  it("may leave the ciphertext out, given the key", async () => {
    const modified = { DryRun: true, DryRunModifiers: ["IGNORE_CIPHERTEXT"] };
    const decrypt = (request: object) => refused(admin("Decrypt", request));
    expect(await decrypt({ ...modified, KeyId: symmetric })).toBe("DryRunOperationException");
    expect(await decrypt({ ...modified, KeyId: symmetric, CiphertextBlob: octets(9) })).toBe(
      "DryRunOperationException",
    );
    expect(await decrypt(modified)).toBe("ValidationException");
    expect(await decrypt({ ...modified, DryRun: false, KeyId: symmetric })).toBe("ValidationException");
    expect(await decrypt({ DryRun: true, KeyId: symmetric })).toBe("ValidationException");
    const move = { ...modified, SourceKeyId: symmetric, DestinationKeyId: symmetric };
    expect(await refused(admin("ReEncrypt", move))).toBe("DryRunOperationException");
    const { SourceKeyId: _, ...nameless } = move;
    expect(await refused(admin("ReEncrypt", nameless))).toBe("ValidationException");
  });

  it("reads a ciphertext that is given", async () => {
    const junk = { CiphertextBlob: octets(20), DryRun: true };
    expect(await refused(admin("Decrypt", junk))).toBe("InvalidCiphertextException");
    const other = await office.newKey();
    const wrong = { ...requests["Decrypt"], KeyId: other, DryRun: true };
    expect(await refused(admin("Decrypt", wrong))).toBe("IncorrectKeyException");
  });
});
