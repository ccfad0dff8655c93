import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as client from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operations } from "../../src/operations/index.ts";
import { checkout, removeHome, type Service, startService, temporaryHome } from "./service.ts";

interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Of keys that are not symmetric, one for each usage. */
const usages = {
  ECC_NIST_P256: "KEY_AGREEMENT",
  ECC_SECG_P256K1: "SIGN_VERIFY",
  HMAC_256: "GENERATE_VERIFY_MAC",
  ML_KEM_512: "ENCAPSULATE_DECAPSULATE",
} as const;

describe("a second identity", () => {
  const home = temporaryHome();
  let service: Service;
  let administrator: client.KMSClient;
  let key: client.KeyMetadata;
  let ciphertext: Uint8Array;
  let grant: string;
  let pairs: Readonly<Record<keyof typeof usages, string>>;

  /** The real command line, beside the running service. */
  const strongroom = (...command: readonly string[]): string =>
    execFileSync(join(checkout, "scripts/strongroom"), [...command, "--home", home], { encoding: "utf8" });

  const newUser = (name: string): AccessKey => {
    strongroom("iam", "create-user", "--user-name", name);
    return JSON.parse(strongroom("iam", "create-access-key", "--user-name", name)) as AccessKey;
  };

  const putPolicy = (name: string, statement: object): void => {
    const file = join(home, `${name}.json`);
    writeFileSync(file, JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
    strongroom("iam", "put-user-policy", "--user-name", name, "--policy-name", "p", "--policy-document", file);
  };

  beforeAll(async () => {
    service = await startService(home);
    administrator = service.client();
    const created = await administrator.send(new client.CreateKeyCommand({}));
    key = created.KeyMetadata as client.KeyMetadata;
    await administrator.send(new client.CreateAliasCommand({ AliasName: "alias/mine", TargetKeyId: key.KeyId }));
    const sealed = await administrator.send(
      new client.EncryptCommand({ KeyId: key.KeyId, Plaintext: new Uint8Array(16) }),
    );
    ciphertext = sealed.CiphertextBlob as Uint8Array;
    const made = Object.entries(usages).map(async ([KeySpec, KeyUsage]) => {
      const command = new client.CreateKeyCommand({ KeySpec: KeySpec as client.KeySpec, KeyUsage });
      return [KeySpec, (await administrator.send(command)).KeyMetadata?.KeyId];
    });
    pairs = Object.fromEntries(await Promise.all(made));
    const granted = await administrator.send(
      new client.CreateGrantCommand({ KeyId: key.KeyId, GranteePrincipal: root(), Operations: ["RetireGrant"] }),
    );
    grant = granted.GrantId as string;
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const root = (): string => `arn:aws:iam::${key.AWSAccountId}:root`;

  /** A request of every operation that its owner would be granted. */
  const requests = (): Readonly<Record<string, object>> => ({
    CancelKeyDeletion: { KeyId: key.KeyId },
    ConnectCustomKeyStore: { CustomKeyStoreId: "cks-00000000000000000" },
    CreateAlias: { AliasName: "alias/theirs", TargetKeyId: key.KeyId },
    CreateCustomKeyStore: { CustomKeyStoreName: "theirs" },
    CreateGrant: { KeyId: key.KeyId, GranteePrincipal: root(), Operations: ["Decrypt"] },
    CreateKey: {},
    Decapsulate: {
      KeyId: pairs.ML_KEM_512,
      SharedSecretCiphertextBlob: new Uint8Array(768),
      EncapsulationAlgorithm: "ML_KEM",
    },
    Decrypt: { CiphertextBlob: ciphertext },
    DeleteAlias: { AliasName: "alias/mine" },
    DeleteCustomKeyStore: { CustomKeyStoreId: "cks-00000000000000000" },
    DeleteImportedKeyMaterial: { KeyId: key.KeyId },
    DeriveSharedSecret: {
      KeyId: pairs.ECC_NIST_P256,
      KeyAgreementAlgorithm: "ECDH",
      PublicKey: new Uint8Array(91),
    },
    DescribeCustomKeyStores: {},
    DescribeKey: { KeyId: "alias/mine" },
    DisableKey: { KeyId: key.KeyId },
    DisableKeyRotation: { KeyId: key.KeyId },
    DisconnectCustomKeyStore: { CustomKeyStoreId: "cks-00000000000000000" },
    EnableKey: { KeyId: key.KeyId },
    EnableKeyRotation: { KeyId: key.KeyId },
    Encapsulate: { KeyId: pairs.ML_KEM_512, EncapsulationAlgorithm: "ML_KEM" },
    Encrypt: { KeyId: key.KeyId, Plaintext: new Uint8Array(1) },
    GenerateDataKey: { KeyId: key.KeyId, KeySpec: "AES_256" },
    GenerateDataKeyPair: { KeyId: key.KeyId, KeyPairSpec: "ECC_NIST_P256" },
    GenerateDataKeyPairWithoutPlaintext: { KeyId: key.KeyId, KeyPairSpec: "ECC_NIST_P256" },
    GenerateDataKeyWithoutPlaintext: { KeyId: key.KeyId, KeySpec: "AES_256" },
    GenerateMac: { KeyId: pairs.HMAC_256, Message: new Uint8Array(1), MacAlgorithm: "HMAC_SHA_256" },
    GenerateRandom: { NumberOfBytes: 1 },
    GetKeyLastUsage: { KeyId: key.KeyId },
    GetKeyPolicy: { KeyId: key.KeyId },
    GetKeyRotationStatus: { KeyId: key.KeyId },
    GetParametersForImport: { KeyId: key.KeyId, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048" },
    GetPublicKey: { KeyId: pairs.ECC_NIST_P256 },
    ImportKeyMaterial: {
      KeyId: key.KeyId,
      ImportToken: new Uint8Array(1),
      EncryptedKeyMaterial: new Uint8Array(1),
      ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    ListAliases: {},
    ListGrants: { KeyId: key.KeyId },
    ListKeyPolicies: { KeyId: key.KeyId },
    ListKeyRotations: { KeyId: key.KeyId },
    ListKeys: {},
    ListResourceTags: { KeyId: key.KeyId },
    ListRetirableGrants: { RetiringPrincipal: root() },
    PutKeyPolicy: { KeyId: key.KeyId, Policy: "{}" },
    ReEncrypt: { CiphertextBlob: ciphertext, DestinationKeyId: key.KeyId },
    ReplicateKey: { KeyId: key.KeyId, ReplicaRegion: "eu-west-1" },
    RetireGrant: { KeyId: key.KeyId, GrantId: grant },
    RevokeGrant: { KeyId: key.KeyId, GrantId: grant },
    RotateKeyOnDemand: { KeyId: key.KeyId },
    ScheduleKeyDeletion: { KeyId: key.KeyId },
    Sign: { KeyId: pairs.ECC_SECG_P256K1, Message: new Uint8Array(1), SigningAlgorithm: "ECDSA_SHA_256" },
    TagResource: { KeyId: key.KeyId, Tags: [{ TagKey: "a", TagValue: "b" }] },
    UntagResource: { KeyId: key.KeyId, TagKeys: ["a"] },
    UpdateAlias: { AliasName: "alias/mine", TargetKeyId: key.KeyId },
    UpdateCustomKeyStore: { CustomKeyStoreId: "cks-00000000000000000", NewCustomKeyStoreName: "theirs" },
    UpdateKeyDescription: { KeyId: key.KeyId, Description: "theirs" },
    UpdatePrimaryRegion: { KeyId: key.KeyId, PrimaryRegion: "eu-west-1" },
    Verify: {
      KeyId: pairs.ECC_SECG_P256K1,
      Message: new Uint8Array(1),
      Signature: new Uint8Array(70),
      SigningAlgorithm: "ECDSA_SHA_256",
    },
    VerifyMac: {
      KeyId: pairs.HMAC_256,
      Message: new Uint8Array(1),
      Mac: new Uint8Array(32),
      MacAlgorithm: "HMAC_SHA_256",
    },
  });

  const send = (kms: client.KMSClient, operation: string): Promise<unknown> => {
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: every operation of the table
    const Command = client[`${operation}Command` as keyof typeof client] as unknown as new (
      input: object,
    ) => client.EncryptCommand;
    return kms.send(new Command(requests()[operation] as object));
  };

  it("is denied every operation without a policy", async () => {
    const stranger = service.client(newUser("stranger"));
    expect(Object.keys(requests()).sort()).toEqual([...operations.keys()].sort());
    for (const operation of operations.keys()) {
      const error = await send(stranger, operation).then(
        () => `${operation} was answered`,
        (caught: Error) => caught.name,
      );
      expect([operation, error]).toEqual([operation, "AccessDeniedException"]);
    }
  }, 60_000);

  it("is denied what is not there in the words of what is", async () => {
    const stranger = service.client(newUser("prober"));
    const ask = (KeyId: string) =>
      stranger.send(new client.DescribeKeyCommand({ KeyId })).catch((error: Error) => error.message);
    const absent = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const there = (await ask(key.KeyId as string)) as string;
    expect((await ask(absent)) as string).toBe(there.replaceAll(key.KeyId as string, absent));
  });

  it("may do what its identity policy says, and no more", async () => {
    const user = newUser("reader");
    const kms = service.client(user);
    putPolicy("reader", { Effect: "Allow", Action: ["kms:Decrypt", "kms:Describe*"], Resource: key.Arn });
    await kms.send(new client.DecryptCommand({ CiphertextBlob: ciphertext }));
    await kms.send(new client.DescribeKeyCommand({ KeyId: "alias/mine" }));
    await expect(send(kms, "Encrypt")).rejects.toMatchObject({ name: "AccessDeniedException" });
    putPolicy("reader", { Effect: "Deny", Action: "kms:*", Resource: "*" });
    await expect(send(kms, "Decrypt")).rejects.toMatchObject({ name: "AccessDeniedException" });
  }, 60_000);

  it("may do what the key policy grants to it by name, under its conditions", async () => {
    const kms = service.client(newUser("named"));
    const own = (await administrator.send(new client.CreateKeyCommand({}))).KeyMetadata as client.KeyMetadata;
    const account = own.AWSAccountId as string;
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:*", Resource: "*" },
        {
          Effect: "Allow",
          Principal: { AWS: `arn:aws:iam::${account}:user/named` },
          Action: "kms:Encrypt",
          Resource: "*",
          Condition: { StringEquals: { "kms:EncryptionContext:app": "payroll" } },
        },
      ],
    });
    await administrator.send(new client.PutKeyPolicyCommand({ KeyId: own.KeyId, Policy }));
    const encrypt = (EncryptionContext?: Record<string, string>) =>
      kms.send(
        new client.EncryptCommand({
          KeyId: own.KeyId,
          Plaintext: new Uint8Array(1),
          ...(EncryptionContext && { EncryptionContext }),
        }),
      );
    await encrypt({ app: "payroll" });
    await expect(encrypt({ app: "other" })).rejects.toMatchObject({ name: "AccessDeniedException" });
    await expect(encrypt()).rejects.toMatchObject({ name: "AccessDeniedException" });
  }, 60_000);

  it("is refused while its access key is inactive, and once that is deleted", async () => {
    const user = newUser("leaver");
    const kms = service.client(user);
    const becomes = (status: string) =>
      strongroom("iam", "update-access-key", "--access-key-id", user.accessKeyId, "--status", status);
    await expect(send(kms, "ListKeys")).rejects.toMatchObject({ name: "AccessDeniedException" });
    becomes("Inactive");
    await expect(send(kms, "ListKeys")).rejects.toMatchObject({ name: "UnrecognizedClientException" });
    const listed = strongroom("iam", "list-access-keys", "--user-name", "leaver");
    expect(JSON.parse(listed)).toMatchObject([{ id: user.accessKeyId, active: false }]);
    expect(listed).not.toContain(user.secretAccessKey);
    becomes("Active");
    await expect(send(kms, "ListKeys")).rejects.toMatchObject({ name: "AccessDeniedException" });
    strongroom("iam", "delete-access-key", "--access-key-id", user.accessKeyId);
    await expect(send(kms, "ListKeys")).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  }, 60_000);

  it("is served the same while every record is sealed anew by another key", async () => {
    const { resealed } = JSON.parse(strongroom("store", "rotate-record-key")) as { resealed: number };
    expect(resealed).toBeGreaterThan(5);
    const opened = await administrator.send(new client.DecryptCommand({ CiphertextBlob: ciphertext }));
    expect(opened.Plaintext).toEqual(new Uint8Array(16));
    const { Keys } = await administrator.send(new client.ListKeysCommand({}));
    expect(Keys?.map(({ KeyId }) => KeyId)).toContain(key.KeyId);
  }, 60_000);
});
