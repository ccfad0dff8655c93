import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Attestation, openAttestation } from "../../src/attestation/attestation.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { Enclave, newPki } from "../attestation/enclave.ts";
import { type Answer, type Ask, account, allow, type Office, openOffice, refused } from "./office.ts";

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("an attested recipient", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-recipient-"));
  const keyFile = join(folder, "enclave.pem");
  let office: Office;
  let admin: Ask;
  let enclave: Enclave;
  let key: string;

  beforeAll(async () => {
    const pki = await newPki();
    enclave = new Enclave(pki);
    office = await openOffice({ attestation: new Attestation(pki.roots) });
    admin = office.admin;
    key = await office.newKey();
    writeFileSync(keyFile, enclave.privatePem);
  }, 60_000);
  afterAll(async () => {
    await office.close();
    rmSync(folder, { recursive: true });
  });

  const Recipient = async () => ({
    KeyEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
    AttestationDocument: base64(await enclave.document()),
  });
  /** What the OpenSSL command line finds in the envelope, with the key of the enclave. */
  const open = ({ CiphertextForRecipient }: Answer): Buffer => {
    expect(CiphertextForRecipient.length).toBeLessThanOrEqual(6144);
    const command = ["cms", "-decrypt", "-inform", "DER", "-binary", "-inkey", keyFile];
    return execFileSync("openssl", command, { input: CiphertextForRecipient });
  };
  const decrypted = async (blob: Uint8Array): Promise<Buffer> =>
    Buffer.from((await admin("Decrypt", { CiphertextBlob: base64(blob) }))["Plaintext"]);

  it("of Decrypt gets what was encrypted, and the caller does not", async () => {
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: key, Plaintext: btoa("for the enclave") });
    const answer = await admin("Decrypt", { CiphertextBlob: base64(CiphertextBlob), Recipient: await Recipient() });
    expect(answer["Plaintext"]).toBeUndefined();
    expect(open(answer).toString()).toBe("for the enclave");
  });

  it("of GenerateDataKey gets the key whose ciphertext the caller gets", async () => {
    const answer = await admin("GenerateDataKey", { KeyId: key, KeySpec: "AES_256", Recipient: await Recipient() });
    expect(answer["Plaintext"]).toBeUndefined();
    expect(open(answer)).toEqual(await decrypted(answer["CiphertextBlob"]));
  });

  it.each(["ECC_NIST_P256", "RSA_4096"])("of GenerateDataKeyPair gets the private key of %s", async (KeyPairSpec) => {
    const answer = await admin("GenerateDataKeyPair", { KeyId: key, KeyPairSpec, Recipient: await Recipient() });
    expect(answer["PrivateKeyPlaintext"]).toBeUndefined();
    const pkcs8 = open(answer);
    expect(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).type).toBe("private");
    expect(pkcs8).toEqual(await decrypted(answer["PrivateKeyCiphertextBlob"]));
  });

  it("of GenerateRandom gets the octets", async () => {
    const answer = await admin("GenerateRandom", { NumberOfBytes: 1024, Recipient: await Recipient() });
    expect(Object.keys(answer)).toEqual(["CiphertextForRecipient"]);
    expect(open(answer)).toHaveLength(1024);
  });

  it("of DeriveSharedSecret gets the secret", async () => {
    const KeyId = await office.newKey({ KeySpec: "ECC_NIST_P384", KeyUsage: "KEY_AGREEMENT" });
    const own = await admin("GetPublicKey", { KeyId });
    const peer = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const PublicKey = base64(peer.publicKey.export({ type: "spki", format: "der" }));
    const request = { KeyId, KeyAgreementAlgorithm: "ECDH", PublicKey, Recipient: await Recipient() };
    const answer = await admin("DeriveSharedSecret", request);
    expect(answer["SharedSecret"]).toBeUndefined();
    const publicKey = { key: Buffer.from(own["PublicKey"]), format: "der", type: "spki" } as const;
    const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: createPublicKey(publicKey) });
    expect(open(answer)).toEqual(secret);
  });

  it("is what policies ask for: its image and its registers", async () => {
    const image = enclave.pcr0.toString("hex");
    const condition = (name: string, value: string) =>
      allow("kms:*", { Condition: { StringEqualsIgnoreCase: { [`kms:RecipientAttestation:${name}`]: value } } });
    const user = await office.user("enclaved", account, condition("ImageSha384", image.toUpperCase()));
    const ask = async (more: object) => refused(user("GenerateDataKey", { KeyId: key, KeySpec: "AES_256", ...more }));
    const random = async (more: object) => refused(user("GenerateRandom", { NumberOfBytes: 1, ...more }));
    const given = { Recipient: await Recipient() };
    expect(await ask({})).toBe("AccessDeniedException");
    expect(await ask(given)).toBe("answered");
    expect(await random({})).toBe("AccessDeniedException");
    expect(await random(given)).toBe("answered");
    await office.iam.putUserPolicy(account, "enclaved", "p", condition("PCR0", image));
    expect(await ask(given)).toBe("answered");
    await office.iam.putUserPolicy(account, "enclaved", "p", condition("PCR2", "00".repeat(48)));
    expect(await ask(given)).toBe("answered");
    await office.iam.putUserPolicy(account, "enclaved", "p", condition("PCR1", "00".repeat(48)));
    expect(await ask(given)).toBe("AccessDeniedException");
    await office.iam.putUserPolicy(account, "enclaved", "p", condition("NitroTPMPCR0", image));
    expect(await ask(given)).toBe("AccessDeniedException");
  });

  it("is told of in the event", async () => {
    await admin("GenerateRandom", { NumberOfBytes: 1, Recipient: await Recipient() });
    const { directory } = office.site.premises.audit;
    const log = readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
    expect(log.join("")).toContain(`"attestationDocumentEnclaveImageDigest":"${enclave.pcr0.toString("hex")}"`);
    expect(log.join("")).toContain('"attestationDocumentModuleId":"i-0123456789abcdef0-enc0123456789abcdef"');
  });

  it("must be whole, authentic and expected here", async () => {
    const request = { NumberOfBytes: 1, Recipient: await Recipient() };
    const { AttestationDocument } = request.Recipient;
    expect(await refused(admin("GenerateRandom", { ...request, Recipient: {} }))).toBe("ValidationException");
    expect(await refused(admin("GenerateRandom", { ...request, Recipient: { AttestationDocument } }))).toBe(
      "ValidationException",
    );
    const stranger = new Enclave(await newPki());
    const forged = { ...request.Recipient, AttestationDocument: base64(await stranger.document()) };
    expect(await refused(admin("GenerateRandom", { ...request, Recipient: forged }))).toBe("ValidationException");
    const dry = { KeyId: key, KeySpec: "AES_256", DryRun: true, Recipient: await Recipient() };
    expect(await refused(admin("GenerateDataKey", dry))).toBe("DryRunOperationException");
    const without = await openOffice();
    expect(await refused(without.admin("GenerateRandom", request))).toBe("UnsupportedOperationException");
    await without.close();
  });

  it("needs roots that are certificates", () => {
    expect(() => openAttestation(keyFile)).toThrow(ConfigError);
    expect(() => openAttestation(join(folder, "absent"))).toThrow(ConfigError);
  });
});
