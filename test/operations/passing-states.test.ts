import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KmsError } from "../../src/base/errors.ts";
import { keyPath, writeKey } from "../../src/kms/records.ts";
import type { KeyRecord } from "../../src/model/key.ts";
import type { KeyState } from "../../src/model/key-spec.ts";
import { operations } from "../../src/operations/index.ts";
import { account, type Office, openOffice } from "./office.ts";

const region = "us-east-1";

/**
 * Creating and Updating, in which no call leaves a key here: the set of a multi-Region key changes in one commit. Put into
 * the store by hand, they answer as documented (Developer Guide, "Key states of AWS KMS keys").
 */
describe("the states that multi-Region keys pass through on AWS", () => {
  let office: Office;
  let KeyId: string;
  /** All that are put into a state. */
  const ids: string[] = [];
  let requests: Readonly<Record<string, object>>;

  beforeAll(async () => {
    office = await openOffice({ regions: [region, "eu-west-1"] });
    const make = async (more: object = {}) => {
      const { KeyMetadata } = await office.admin("CreateKey", { MultiRegion: true, ...more });
      ids.push(KeyMetadata.KeyId);
      return KeyMetadata;
    };
    const KeyMetadata = await make();
    KeyId = KeyMetadata.KeyId;
    const imported = { KeyId: (await make({ Origin: "EXTERNAL" })).KeyId };
    const signing = { KeyId: (await make({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" })).KeyId };
    const agreeing = { KeyId: (await make({ KeySpec: "ECC_NIST_P256", KeyUsage: "KEY_AGREEMENT" })).KeyId };
    const authenticating = { KeyId: (await make({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" })).KeyId };
    const encapsulating = { KeyId: (await make({ KeySpec: "ML_KEM_512", KeyUsage: "ENCAPSULATE_DECAPSULATE" })).KeyId };
    await office.admin("CreateAlias", { AliasName: "alias/a", TargetKeyId: KeyId });
    const blob = btoa("a".repeat(64));
    const encrypted = await office.admin("Encrypt", { KeyId, Plaintext: blob });
    const CiphertextBlob = Buffer.from(encrypted["CiphertextBlob"]).toString("base64");
    const grant = { GranteePrincipal: `arn:aws:iam::${account}:root`, Operations: ["DescribeKey"] };
    const { GrantId } = await office.admin("CreateGrant", { KeyId, ...grant });
    requests = {
      CreateAlias: { AliasName: "alias/b", TargetKeyId: KeyId },
      CreateGrant: { KeyId, ...grant },
      Decapsulate: { ...encapsulating, SharedSecretCiphertextBlob: blob, EncapsulationAlgorithm: "ML_KEM" },
      Decrypt: { KeyId, CiphertextBlob },
      DeleteAlias: { AliasName: "alias/b" },
      DeriveSharedSecret: { ...agreeing, KeyAgreementAlgorithm: "ECDH", PublicKey: blob },
      Encapsulate: { ...encapsulating, EncapsulationAlgorithm: "ML_KEM" },
      Encrypt: { KeyId, Plaintext: blob },
      GenerateDataKey: { KeyId, KeySpec: "AES_256" },
      GenerateDataKeyPair: { KeyId, KeyPairSpec: "ECC_NIST_P256" },
      GenerateDataKeyPairWithoutPlaintext: { KeyId, KeyPairSpec: "ECC_NIST_P256" },
      GenerateDataKeyWithoutPlaintext: { KeyId, KeySpec: "AES_256" },
      GenerateMac: { ...authenticating, Message: blob, MacAlgorithm: "HMAC_SHA_256" },
      DeleteImportedKeyMaterial: imported,
      GetParametersForImport: {
        ...imported,
        WrappingAlgorithm: "RSAES_OAEP_SHA_256",
        WrappingKeySpec: "RSA_2048",
      },
      GetPublicKey: signing,
      ImportKeyMaterial: { ...imported, ImportToken: blob, EncryptedKeyMaterial: blob },
      PutKeyPolicy: { KeyId, Policy: (await office.admin("GetKeyPolicy", { KeyId }))["Policy"] },
      ReEncrypt: { CiphertextBlob, DestinationKeyId: KeyId },
      ReplicateKey: { KeyId, ReplicaRegion: "eu-west-1" },
      RetireGrant: { KeyId: KeyMetadata.Arn, GrantId },
      RevokeGrant: { KeyId, GrantId: "0".repeat(64) },
      Sign: { ...signing, Message: blob, SigningAlgorithm: "ECDSA_SHA_256" },
      TagResource: { KeyId, Tags: [] },
      UntagResource: { KeyId, TagKeys: [] },
      UpdateAlias: { AliasName: "alias/a", TargetKeyId: KeyId },
      UpdateKeyDescription: { KeyId, Description: "" },
      UpdatePrimaryRegion: { KeyId, PrimaryRegion: "eu-west-1" },
      Verify: { ...signing, Message: blob, Signature: blob, SigningAlgorithm: "ECDSA_SHA_256" },
      VerifyMac: { ...authenticating, Message: blob, Mac: blob, MacAlgorithm: "HMAC_SHA_256" },
    };
  }, 60_000);
  afterAll(() => office.close());

  const put = async (state: KeyState): Promise<void> => {
    const { store } = office.parts;
    for (const id of ids) {
      const stored = await store.get(keyPath(account, region, id));
      const record = JSON.parse(new TextDecoder().decode(stored?.value)) as KeyRecord;
      const write = writeKey({ ...record, state }, stored?.revision as number);
      await store.commit([write]);
      office.kms.forget([write]);
    }
  };

  const aboutKeys = [...operations.keys()].filter(
    (name) => !/CustomKeyStore|^(CreateKey|GenerateRandom|ListKeys|ListRetirableGrants|ScheduleKeyDeletion)/.test(name),
  );
  const creating =
    "CreateGrant Decapsulate Decrypt DeleteImportedKeyMaterial DeriveSharedSecret DisableKey DisableKeyRotation EnableKey " +
    "EnableKeyRotation Encapsulate Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext " +
    "GenerateDataKeyWithoutPlaintext GenerateMac GetParametersForImport GetPublicKey ImportKeyMaterial ReEncrypt " +
    "ReplicateKey RotateKeyOnDemand Sign UpdatePrimaryRegion Verify VerifyMac";
  const updating =
    "DeleteImportedKeyMaterial DisableKey EnableKey GetParametersForImport ReplicateKey ScheduleKeyDeletion";

  it.each([
    ["Creating", "is creating", creating, [...aboutKeys, "ScheduleKeyDeletion"]],
    ["Updating", "is updating", updating, ["ScheduleKeyDeletion", ...aboutKeys]],
  ] as const)("%s refuses what the guide says, with its text", async (state, text, refused, asked) => {
    const answered: string[] = [];
    for (const operation of asked) {
      await put(state);
      const expected = refused.split(" ").includes(operation);
      const request = requests[operation] ?? { KeyId };
      const error = await office.admin(operation, request).then(
        () => undefined,
        (failure: KmsError) => failure,
      );
      if (operation === "CancelKeyDeletion") {
        expect(error).toMatchObject({ code: "KMSInvalidStateException" });
        expect(error?.message).toContain("is not pending deletion");
        continue;
      }
      const isOfState = error?.code === "KMSInvalidStateException" && error.message.includes(text);
      expect([operation, isOfState]).toEqual([operation, expected]);
      if (!error) answered.push(operation);
    }
    expect(answered).toContain("DescribeKey");
    expect(answered).toContain("PutKeyPolicy");
  });

  it("are shown by DescribeKey, as not enabled", async () => {
    for (const state of ["Creating", "Updating"] as const) {
      await put(state);
      expect((await office.admin("DescribeKey", { KeyId }))["KeyMetadata"]).toMatchObject({
        KeyState: state,
        Enabled: false,
      });
    }
  });
});
