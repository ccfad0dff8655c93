import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeyPoliciesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
  VerifyMacCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Abilities, abilitiesOf } from "./abilities.ts";
import { hsmChoices } from "./hsms.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The name of the exception, and its message. */
async function refusal(
  promise: Promise<unknown>,
): Promise<{ name: string; message: string; status: number | undefined }> {
  const error = await promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (caught: Error & { $metadata?: { httpStatusCode?: number } }) => caught,
  );
  return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
}

describe.each(hsmChoices)("over %s", (hsm) => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMSClient;
  let abilities: Abilities;
  const account = "111122223333";

  beforeAll(async () => {
    service = await startService(home, hsm, ["--account", account, "--region", "us-east-1", "--region", "eu-west-1"]);
    kms = service.client();
    abilities = await abilitiesOf(home);
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const createKey = async (input = {}): Promise<{ id: string; arn: string }> => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
    return { id: KeyMetadata?.KeyId as string, arn: KeyMetadata?.Arn as string };
  };

  const encrypt = async (
    keyId: string,
    plaintext = "a secret",
    context?: Record<string, string>,
  ): Promise<Uint8Array> => {
    const command = new EncryptCommand({ KeyId: keyId, Plaintext: text(plaintext), EncryptionContext: context });
    return (await kms.send(command)).CiphertextBlob as Uint8Array;
  };

  it("makes a key and describes it as AWS does", async () => {
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({ Description: "payroll", Tags: [{ TagKey: "team", TagValue: "finance" }] }),
    );
    expect(KeyMetadata).toMatchObject({
      AWSAccountId: account,
      Arn: `arn:aws:kms:us-east-1:${account}:key/${KeyMetadata?.KeyId}`,
      Description: "payroll",
      Enabled: true,
      KeyManager: "CUSTOMER",
      KeySpec: "SYMMETRIC_DEFAULT",
      CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
      KeyUsage: "ENCRYPT_DECRYPT",
      KeyState: "Enabled",
      Origin: "AWS_KMS",
      MultiRegion: false,
      EncryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
    });
    expect(KeyMetadata?.CurrentKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect(KeyMetadata?.CreationDate).toBeInstanceOf(Date);
    const described = await kms.send(new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    expect(described.KeyMetadata).toEqual(KeyMetadata);
  });

  it.each([
    [{ KeySpec: "RSA_2048", KeyUsage: "KEY_AGREEMENT" }, "ValidationException"],
    [{ KeySpec: "HMAC_256" }, "ValidationException"],
    [{ KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "SIGN_VERIFY" }, "ValidationException"],
    [{ KeySpec: "AES" }, "ValidationException"],
    [{ Policy: "{}" }, "MalformedPolicyDocumentException"],
    [{ Policy: "not json" }, "MalformedPolicyDocumentException"],
    [{ Tags: [{ TagKey: "aws:x", TagValue: "" }] }, "TagException"],
    [
      {
        Tags: [
          { TagKey: "a", TagValue: "" },
          { TagKey: "a", TagValue: "" },
        ],
      },
      "TagException",
    ],
  ])("refuses to make a key of %j with %s", async (input, name) => {
    expect(await refusal(kms.send(new CreateKeyCommand(input as never)))).toMatchObject({ name, status: 400 });
  });

  it("decrypts what it has encrypted, by any reference to the key or none", async () => {
    const { id, arn } = await createKey();
    const alias = `alias/refs-${id}`;
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: id }));
    const aliasArn = `arn:aws:kms:us-east-1:${account}:${alias}`;
    for (const KeyId of [id, arn, alias, aliasArn]) {
      const CiphertextBlob = await encrypt(KeyId, "a secret", { purpose: "test" });
      for (const by of [undefined, id, arn, alias, aliasArn]) {
        const opened = await kms.send(
          new DecryptCommand({ CiphertextBlob, KeyId: by, EncryptionContext: { purpose: "test" } }),
        );
        expect(opened.Plaintext).toEqual(text("a secret"));
        expect(opened.KeyId).toBe(arn);
        expect(opened.EncryptionAlgorithm).toBe("SYMMETRIC_DEFAULT");
        expect(opened.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });

  it.each([1, 32, 4095, 4096])("encrypts %i bytes", async (length) => {
    const { id } = await createKey();
    const Plaintext = new Uint8Array(length).map((_, i) => i);
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext }));
    expect(CiphertextBlob?.length).toBe(length + 78);
    expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(Plaintext);
  });

  it("refuses 4,097 bytes, and does not say them back", async () => {
    const { id } = await createKey();
    const Plaintext = text("S".repeat(4097));
    const { name, message } = await refusal(kms.send(new EncryptCommand({ KeyId: id, Plaintext })));
    expect(name).toBe("ValidationException");
    expect(message).toBe(
      "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
    );
  });

  it("opens nothing under another encryption context, whatever the order of its pairs", async () => {
    const { id } = await createKey();
    const CiphertextBlob = await encrypt(id, "a secret", { a: "bc", d: "e" });
    const open = (EncryptionContext?: Record<string, string>) =>
      kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect((await open({ d: "e", a: "bc" })).Plaintext).toEqual(text("a secret"));
    for (const wrong of [
      undefined,
      {},
      { a: "bc" },
      { ab: "c", d: "e" },
      { A: "bc", d: "e" },
      { a: "bc", d: "e", f: "" },
    ]) {
      expect(await refusal(open(wrong))).toMatchObject({ name: "InvalidCiphertextException", status: 400 });
    }
  });

  it("opens no ciphertext with a flipped bit, in any byte", async () => {
    const { id } = await createKey();
    const blob = await encrypt(id);
    const answers = await Promise.all(
      [...blob].map(async (_, i) => {
        const CiphertextBlob = blob.slice();
        CiphertextBlob[i] = (CiphertextBlob[i] as number) ^ (1 << (i % 8));
        return (await refusal(kms.send(new DecryptCommand({ CiphertextBlob })))).name;
      }),
    );
    // In the HBK id a flip names material that is not there.
    expect(new Set(answers.slice(2, 34))).toEqual(new Set(["AccessDeniedException"]));
    expect(new Set([...answers.slice(0, 2), ...answers.slice(34)])).toEqual(new Set(["InvalidCiphertextException"]));
  });

  it("refuses a ciphertext of another key", async () => {
    const [one, other] = [await createKey(), await createKey()];
    const CiphertextBlob = await encrypt(one.id);
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob, KeyId: other.id })))).toMatchObject({
      name: "IncorrectKeyException",
      message: "The key ID in the request does not identify a CMK that can perform this operation.",
    });
  });

  it("generates data keys, with and without the plaintext", async () => {
    const { id, arn } = await createKey();
    for (const [input, length] of [
      [{ KeySpec: "AES_256" }, 32],
      [{ KeySpec: "AES_128" }, 16],
      [{ NumberOfBytes: 1 }, 1],
      [{ NumberOfBytes: 1024 }, 1024],
    ] as const) {
      const key = await kms.send(new GenerateDataKeyCommand({ KeyId: id, EncryptionContext: { a: "b" }, ...input }));
      expect(key.Plaintext?.length).toBe(length);
      expect(key.KeyId).toBe(arn);
      const opened = await kms.send(
        new DecryptCommand({ CiphertextBlob: key.CiphertextBlob, EncryptionContext: { a: "b" } }),
      );
      expect(opened.Plaintext).toEqual(key.Plaintext);
      const sealed = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, ...input }));
      expect(sealed).not.toHaveProperty("Plaintext");
      const plaintext = (await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }))).Plaintext;
      expect(plaintext?.length).toBe(length);
    }
    expect((await refusal(kms.send(new GenerateDataKeyCommand({ KeyId: id })))).name).toBe("ValidationException");
    const both = new GenerateDataKeyCommand({ KeyId: id, KeySpec: "AES_256", NumberOfBytes: 32 });
    expect((await refusal(kms.send(both))).name).toBe("ValidationException");
  });

  it.each([224, 256, 384, 512] as const)("generates and verifies MACs by HMAC_%i keys", async (bits) => {
    const [KeySpec, KeyUsage] = [`HMAC_${bits}`, "GENERATE_VERIFY_MAC"] as const;
    const message = abilities.refusal(KeySpec, KeyUsage);
    if (message !== undefined) {
      const making = refusal(createKey({ KeySpec, KeyUsage }));
      return expect(await making).toMatchObject({ name: "UnsupportedOperationException", message });
    }
    const { id, arn } = await createKey({ KeySpec, KeyUsage });
    const request = { KeyId: id, Message: text("message"), MacAlgorithm: `HMAC_SHA_${bits}` } as const;
    const { Mac = new Uint8Array(0) } = await kms.send(new GenerateMacCommand(request));
    expect(Mac.length).toBe(bits / 8);
    expect(await kms.send(new VerifyMacCommand({ ...request, Mac }))).toMatchObject({ KeyId: arn, MacValid: true });
    const wrong = new VerifyMacCommand({ ...request, Mac, Message: text("another") });
    expect((await refusal(kms.send(wrong))).name).toBe("KMSInvalidMacException");
  });

  it("generates random bytes", async () => {
    const { Plaintext } = await kms.send(new GenerateRandomCommand({ NumberOfBytes: 1024 }));
    expect(new Set(Plaintext).size).toBeGreaterThan(200);
    expect(await refusal(kms.send(new GenerateRandomCommand({})))).toMatchObject({
      name: "ValidationException",
      message: "NumberOfBytes is required.",
    });
    expect((await refusal(kms.send(new GenerateRandomCommand({ NumberOfBytes: 0 })))).message).toBe(
      "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
    );
  });

  it("moves a ciphertext to another key and context without showing its plaintext", async () => {
    const [from, to] = [await createKey(), await createKey()];
    const CiphertextBlob = await encrypt(from.id, "moving", { from: "1" });
    const moved = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: { from: "1" },
        DestinationKeyId: to.id,
        DestinationEncryptionContext: { to: "2" },
      }),
    );
    expect(moved).toMatchObject({ SourceKeyId: from.arn, KeyId: to.arn });
    const opened = await kms.send(
      new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, KeyId: to.id, EncryptionContext: { to: "2" } }),
    );
    expect(opened.Plaintext).toEqual(text("moving"));
    const wrong = new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: to.id });
    expect((await refusal(kms.send(wrong))).name).toBe("InvalidCiphertextException");
  });

  it("refuses use of a disabled key, until it is enabled", async () => {
    const { id, arn } = await createKey();
    const CiphertextBlob = await encrypt(id);
    await kms.send(new DisableKeyCommand({ KeyId: arn }));
    for (const command of [
      new EncryptCommand({ KeyId: id, Plaintext: text("x") }),
      new DecryptCommand({ CiphertextBlob }),
    ]) {
      expect(await refusal(kms.send(command as EncryptCommand))).toMatchObject({
        name: "DisabledException",
        message: `${arn} is disabled.`,
      });
    }
    expect((await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata).toMatchObject({
      Enabled: false,
      KeyState: "Disabled",
    });
    await kms.send(new EnableKeyCommand({ KeyId: id }));
    expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(text("a secret"));
  });

  it("schedules and cancels deletion, and deletes by the clock", async () => {
    const { id, arn } = await createKey();
    const alias = `alias/doomed-${id}`;
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: id }));
    const CiphertextBlob = await encrypt(id);
    const short = new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 6 });
    expect((await refusal(kms.send(short))).name).toBe("ValidationException");
    expect((await refusal(kms.send(new CancelKeyDeletionCommand({ KeyId: id })))).name).toBe(
      "KMSInvalidStateException",
    );
    const scheduled = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
    expect(scheduled).toMatchObject({ KeyId: arn, KeyState: "PendingDeletion", PendingWindowInDays: 7 });
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toMatchObject({
      name: "KMSInvalidStateException",
      message: `${arn} is pending deletion.`,
    });
    expect(await kms.send(new CancelKeyDeletionCommand({ KeyId: id }))).toMatchObject({ KeyId: arn });
    expect((await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.KeyState).toBe("Disabled");
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
    expect((await service.dev("/dev/clock", { advanceSeconds: 7 * 86_400 + 1 })).status).toBe(200);
    expect(await refusal(kms.send(new DescribeKeyCommand({ KeyId: id })))).toMatchObject({
      name: "NotFoundException",
      message: `Key '${arn}' does not exist`,
    });
    await expect
      .poll(() => refusal(kms.send(new DescribeKeyCommand({ KeyId: alias }))), { timeout: 10_000 })
      .toMatchObject({
        name: "NotFoundException",
      });
    expect((await refusal(kms.send(new DecryptCommand({ CiphertextBlob })))).name).toBe("AccessDeniedException");
  });

  it("answers DryRun with DryRunOperationException, or with what the call would have been refused for", async () => {
    const { id } = await createKey();
    const CiphertextBlob = await encrypt(id);
    const commands = [
      new EncryptCommand({ KeyId: id, Plaintext: text("x"), DryRun: true }),
      new DecryptCommand({ CiphertextBlob, DryRun: true }),
      new DecryptCommand({ KeyId: id, DryRun: true, DryRunModifiers: ["IGNORE_CIPHERTEXT"] }),
      new GenerateDataKeyCommand({ KeyId: id, KeySpec: "AES_256", DryRun: true }),
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, KeySpec: "AES_256", DryRun: true }),
      new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: id, DryRun: true }),
    ];
    for (const command of commands) {
      expect(await refusal(kms.send(command as EncryptCommand))).toMatchObject({
        name: "DryRunOperationException",
        message: "The request would have succeeded, but the DryRun option is set.",
      });
    }
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    for (const command of commands) {
      expect((await refusal(kms.send(command as EncryptCommand))).name).toBe("DisabledException");
    }
  });

  it("keeps aliases: makes, moves, lists and deletes them", async () => {
    const [one, other] = [await createKey(), await createKey()];
    const AliasName = `alias/moving/${one.id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: one.arn }));
    const again = new CreateAliasCommand({ AliasName, TargetKeyId: other.id });
    expect((await refusal(kms.send(again))).name).toBe("AlreadyExistsException");
    const CiphertextBlob = await encrypt(AliasName);
    await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other.id }));
    expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(other.id);
    expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).KeyId).toBe(one.arn);
    expect((await kms.send(new ListAliasesCommand({ KeyId: one.id }))).Aliases).toEqual([]);
    expect((await kms.send(new ListAliasesCommand({ KeyId: other.id }))).Aliases).toMatchObject([
      { AliasName, AliasArn: `arn:aws:kms:us-east-1:${account}:${AliasName}`, TargetKeyId: other.id },
    ]);
    await kms.send(new DeleteAliasCommand({ AliasName }));
    expect((await refusal(kms.send(new DescribeKeyCommand({ KeyId: AliasName })))).name).toBe("NotFoundException");
    expect((await refusal(kms.send(new DeleteAliasCommand({ AliasName })))).name).toBe("NotFoundException");
  });

  it.each([
    ["payroll", "ValidationException"],
    ["alias/aws/s3", "InvalidAliasNameException"],
    ["alias/with space", "ValidationException"],
  ])("refuses the alias %s", async (AliasName, name) => {
    const { id } = await createKey();
    expect((await refusal(kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id })))).name).toBe(name);
  });

  it("takes no alias where a key id or ARN is needed", async () => {
    const { id } = await createKey();
    const AliasName = `alias/not-here-${id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    expect(await refusal(kms.send(new DisableKeyCommand({ KeyId: AliasName })))).toMatchObject({
      name: "InvalidArnException",
      message: "Key Aliases are not supported for this operation.",
    });
  });

  it("keeps tag keys apart that differ in what JSON escapes", async () => {
    for (const odd of ["\\", '"', "\n"]) {
      const Tags = [
        { TagKey: "b", TagValue: "1" },
        { TagKey: odd, TagValue: "2" },
      ];
      const { id } = await createKey({ Tags });
      expect((await kms.send(new ListResourceTagsCommand({ KeyId: id }))).Tags).toEqual(Tags);
    }
  });

  it("tags keys and lists the tags", async () => {
    const { id } = await createKey({ Tags: [{ TagKey: "a", TagValue: "1" }] });
    await kms.send(
      new TagResourceCommand({
        KeyId: id,
        Tags: [
          { TagKey: "a", TagValue: "2" },
          { TagKey: "__proto__", TagValue: "p" },
        ],
      }),
    );
    expect((await kms.send(new ListResourceTagsCommand({ KeyId: id }))).Tags).toEqual([
      { TagKey: "a", TagValue: "2" },
      { TagKey: "__proto__", TagValue: "p" },
    ]);
    await kms.send(new UntagResourceCommand({ KeyId: id, TagKeys: ["a", "absent"] }));
    expect((await kms.send(new ListResourceTagsCommand({ KeyId: id }))).Tags).toEqual([
      { TagKey: "__proto__", TagValue: "p" },
    ]);
    const many = Array.from({ length: 51 }, (_, i) => ({ TagKey: `k${i}`, TagValue: "" }));
    expect((await refusal(kms.send(new TagResourceCommand({ KeyId: id, Tags: many })))).name).toBe(
      "LimitExceededException",
    );
  });

  it("pages every list, with markers that nobody can make", async () => {
    const { id } = await createKey();
    for (let i = 0; i < 5; i++) {
      await kms.send(new CreateAliasCommand({ AliasName: `alias/page-${i}-${id}`, TargetKeyId: id }));
      await kms.send(new TagResourceCommand({ KeyId: id, Tags: [{ TagKey: `k${i}`, TagValue: "" }] }));
    }
    interface Cut<T> {
      NextMarker?: string | undefined;
      Truncated?: boolean | undefined;
      items: T[] | undefined;
    }
    const all = async <T>(fetch: (Marker: string | undefined) => Promise<Cut<T>>) => {
      const items: T[] = [];
      let marker: string | undefined;
      do {
        const page = await fetch(marker);
        expect(page.items?.length).toBeLessThanOrEqual(2);
        expect(page.Truncated).toBe(page.NextMarker !== undefined);
        items.push(...(page.items ?? []));
        marker = page.NextMarker;
      } while (marker !== undefined);
      return items;
    };
    const keys = await all(async (Marker) => {
      const page = await kms.send(new ListKeysCommand({ Limit: 2, Marker }));
      return { ...page, items: page.Keys };
    });
    const whole = (await kms.send(new ListKeysCommand({}))).Keys;
    expect(keys).toEqual(whole);
    expect(keys.map((key) => key.KeyId)).toContain(id);
    const aliases = await all(async (Marker) => {
      const page = await kms.send(new ListAliasesCommand({ KeyId: id, Limit: 2, Marker }));
      return { ...page, items: page.Aliases };
    });
    expect(aliases).toHaveLength(5);
    const everyAlias = await all(async (Marker) => {
      const page = await kms.send(new ListAliasesCommand({ Limit: 2, Marker }));
      return { ...page, items: page.Aliases };
    });
    expect(everyAlias.length).toBeGreaterThanOrEqual(5);
    const tags = await all(async (Marker) => {
      const page = await kms.send(new ListResourceTagsCommand({ KeyId: id, Limit: 2, Marker }));
      return { ...page, items: page.Tags };
    });
    expect(tags).toHaveLength(5);
    const { NextMarker } = await kms.send(new ListKeysCommand({ Limit: 1 }));
    for (const command of [
      new ListKeysCommand({ Marker: "made up" }),
      new ListAliasesCommand({ Marker: NextMarker }),
    ]) {
      expect((await refusal(kms.send(command as ListKeysCommand))).name).toBe("InvalidMarkerException");
    }
    expect((await refusal(kms.send(new ListAliasesCommand({ Limit: 101 })))).name).toBe("ValidationException");
  });

  it("keeps the key policy, and refuses one that locks its author out", async () => {
    const { id } = await createKey();
    expect((await kms.send(new ListKeyPoliciesCommand({ KeyId: id }))).PolicyNames).toEqual(["default"]);
    const { Policy, PolicyName } = await kms.send(new GetKeyPolicyCommand({ KeyId: id }));
    expect(PolicyName).toBe("default");
    const parsed = JSON.parse(Policy as string);
    expect(parsed.Statement[0].Principal.AWS).toBe(`arn:aws:iam::${account}:root`);
    const described = JSON.stringify({ ...parsed, Id: "mine" });
    await kms.send(new PutKeyPolicyCommand({ KeyId: id, PolicyName: "default", Policy: described }));
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: id }))).Policy).toBe(described);
    const useOnly = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:Encrypt", Resource: "*" },
      ],
    });
    expect((await refusal(kms.send(new PutKeyPolicyCommand({ KeyId: id, Policy: useOnly })))).name).toBe(
      "MalformedPolicyDocumentException",
    );
    const unknown = useOnly.replace(":root", ":user/nobody");
    const bypass = new PutKeyPolicyCommand({ KeyId: id, Policy: unknown, BypassPolicyLockoutSafetyCheck: true });
    expect((await refusal(kms.send(bypass))).name).toBe("MalformedPolicyDocumentException");
    await kms.send(new PutKeyPolicyCommand({ KeyId: id, Policy: useOnly, BypassPolicyLockoutSafetyCheck: true }));
    expect((await refusal(kms.send(new DescribeKeyCommand({ KeyId: id })))).name).toBe("AccessDeniedException");
    await encrypt(id);
  });

  it("changes descriptions", async () => {
    const { id } = await createKey({ Description: "old" });
    await kms.send(new UpdateKeyDescriptionCommand({ KeyId: id, Description: "" }));
    expect((await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.Description).toBe("");
  });

  it.each([
    ["1234abcd-12ab-34cd-56ef-1234567890ab", "NotFoundException"],
    ["alias/none", "NotFoundException"],
    ["not a key id", "NotFoundException"],
    [`arn:aws:kms:us-west-2:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`, "NotFoundException"],
    ["arn:aws:s3:::bucket", "InvalidArnException"],
    ["", "ValidationException"],
    ["arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab", "AccessDeniedException"],
    ["arn:aws:kms:us-east-1:444455556666:alias/none", "AccessDeniedException"],
  ])("answers the key reference %j with an error of the right type", async (KeyId, name) => {
    expect(await refusal(kms.send(new DescribeKeyCommand({ KeyId })))).toMatchObject({ name, status: 400 });
  });
});
