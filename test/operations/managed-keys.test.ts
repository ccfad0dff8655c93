import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rotateDueKeys } from "../../src/kms/rotation.ts";
import { type Answer, type Ask, account, allow, day, type Office, openOffice, refused } from "./office.ts";

const plaintext = btoa("plaintext");

describe("AWS managed keys", () => {
  let office: Office;
  let admin: Ask;
  /** The user whose calls are those of the service `s3`. */
  let storage: Ask;

  beforeAll(async () => {
    const user = (name: string) => `arn:aws:iam::${account}:user/${name}`;
    const services = { s3: [user("storage")], ebs: [user("disks")], rds: [user("databases")] };
    office = await openOffice({ services, quotas: { keysPerRegion: 4 } });
    admin = office.admin;
    storage = await office.user("storage");
  }, 60_000);
  afterAll(() => office.close());

  const aliases = async (request: object = {}) => await admin("ListAliases", request);
  const managedKey = async (): Promise<Answer> =>
    (await admin("DescribeKey", { KeyId: "alias/aws/s3" }))["KeyMetadata"];

  it("have aliases that name no key until one is made", async () => {
    const predefined = { AliasName: "alias/aws/ebs", AliasArn: `arn:aws:kms:us-east-1:${account}:alias/aws/ebs` };
    const { Aliases } = await aliases();
    expect(Aliases.map(({ AliasName }: Answer) => AliasName)).toEqual(
      ["s3", "ebs", "rds"].map((n) => `alias/aws/${n}`),
    );
    expect(JSON.parse(JSON.stringify(Aliases[1]))).toEqual(predefined);
  });

  it("are made by the first call of their service, which no identity policy needs to allow", async () => {
    const { KeyId } = await storage("GenerateDataKey", { KeyId: "alias/aws/s3", KeySpec: "AES_256" });
    const key = await managedKey();
    expect(key).toMatchObject({ Arn: KeyId, KeyManager: "AWS", KeyState: "Enabled", Origin: "AWS_KMS" });
    expect((await aliases())["Aliases"][0]).toMatchObject({ AliasName: "alias/aws/s3", TargetKeyId: key["KeyId"] });
    expect((await aliases({ KeyId }))["Aliases"]).toHaveLength(1);
    expect(await storage("Encrypt", { KeyId: "alias/aws/s3", Plaintext: plaintext })).toMatchObject({ KeyId });
  });

  it("are made when they are described, by whom that is allowed to alone", async () => {
    const nobody = await office.user("nobody");
    expect(await refused(nobody("DescribeKey", { KeyId: "alias/aws/ebs" }))).toBe("AccessDeniedException");
    expect((await aliases())["Aliases"][1].TargetKeyId).toBeUndefined();
    const { KeyMetadata } = await admin("DescribeKey", { KeyId: "alias/aws/ebs" });
    expect((await aliases())["Aliases"][1].TargetKeyId).toBe(KeyMetadata.KeyId);
    const policy = JSON.parse((await admin("GetKeyPolicy", { KeyId: KeyMetadata.KeyId }))["Policy"]);
    expect(policy.Statement[0].Condition.StringEquals["kms:ViaService"]).toBe("ec2.us-east-1.amazonaws.com");
  });

  it("are used through their service alone", async () => {
    const { CiphertextBlob } = await storage("Encrypt", { KeyId: "alias/aws/s3", Plaintext: plaintext });
    const blob = { CiphertextBlob: Buffer.from(CiphertextBlob).toString("base64") };
    expect(await refused(admin("Decrypt", blob))).toBe("AccessDeniedException");
    expect(await refused(admin("Encrypt", { KeyId: "alias/aws/s3", Plaintext: plaintext }))).toBe(
      "AccessDeniedException",
    );
    const disks = await office.user("disks", account, allow("kms:*"));
    expect(await refused(disks("Decrypt", blob))).toBe("AccessDeniedException");
    expect(await refused(storage("Decrypt", blob))).toBe("answered");
  });

  it("are managed by nobody else", async () => {
    const { Arn: KeyId } = await managedKey();
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    const requests: Readonly<Record<string, object>> = {
      CreateAlias: { TargetKeyId: KeyId, AliasName: "alias/mine" },
      DisableKey: { KeyId },
      DisableKeyRotation: { KeyId },
      EnableKey: { KeyId },
      EnableKeyRotation: { KeyId },
      PutKeyPolicy: { KeyId, Policy: policy },
      RotateKeyOnDemand: { KeyId },
      ScheduleKeyDeletion: { KeyId },
      TagResource: { KeyId, Tags: [{ TagKey: "a", TagValue: "b" }] },
      UntagResource: { KeyId, TagKeys: ["a"] },
      UpdateKeyDescription: { KeyId, Description: "mine" },
    };
    for (const [operation, request] of Object.entries(requests)) {
      for (const ask of [admin, storage]) {
        expect([operation, await refused(ask(operation, request))]).toEqual([operation, "AccessDeniedException"]);
      }
    }
  });

  it("keep their aliases from users", async () => {
    const mine = await office.newKey();
    for (const AliasName of ["alias/aws/s3", "alias/aws/other"]) {
      expect(await refused(admin("CreateAlias", { AliasName, TargetKeyId: mine }))).toBe("InvalidAliasNameException");
    }
    const { TargetKeyId } = (await aliases())["Aliases"][0];
    expect(await refused(admin("UpdateAlias", { AliasName: "alias/aws/s3", TargetKeyId: mine }))).toBe(
      "AccessDeniedException",
    );
    expect(await refused(admin("DeleteAlias", { AliasName: "alias/aws/s3" }))).toBe("AccessDeniedException");
    expect((await aliases())["Aliases"][0].TargetKeyId).toBe(TargetKeyId);
    expect(await refused(admin("DescribeKey", { KeyId: "alias/aws/other" }))).toBe("NotFoundException");
  });

  it("are rotated every year", async () => {
    const { KeyId, CurrentKeyMaterialId } = await managedKey();
    const status = await admin("GetKeyRotationStatus", { KeyId });
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
    office.site.clock.advance(365 * day * 1000);
    const { store, hsms, outbox } = office.parts;
    await rotateDueKeys({ store, hsms, outbox, clock: office.site.clock, forget: office.kms.forget });
    expect((await managedKey())["CurrentKeyMaterialId"]).not.toBe(CurrentKeyMaterialId);
  });

  it("take grants of their service, which are for its own resources", async () => {
    const { Arn: KeyId } = await managedKey();
    const request = { KeyId, GranteePrincipal: `arn:aws:iam::${account}:user/admin`, Operations: ["Decrypt"] };
    expect(await refused(admin("CreateGrant", request))).toBe("AccessDeniedException");
    const { GrantId } = await storage("CreateGrant", request);
    expect(await refused(admin("RevokeGrant", { KeyId, GrantId }))).toBe("answered");
    const mine = await office.newKey();
    const delegate = allow("kms:CreateGrant", { Condition: { Bool: { "kms:GrantIsForAWSResource": "true" } } });
    await office.iam.putUserPolicy(account, "storage", "p", delegate);
    const other = await office.user("other", account, delegate);
    expect(await refused(storage("CreateGrant", { ...request, KeyId: mine }))).toBe("answered");
    expect(await refused(other("CreateGrant", { ...request, KeyId: mine }))).toBe("AccessDeniedException");
  });

  it("count for no quota", async () => {
    const { Keys } = await admin("ListKeys");
    const managed = (await aliases())["Aliases"].filter(({ TargetKeyId }: Answer) => TargetKeyId !== undefined);
    expect(managed).toHaveLength(2);
    for (let left = 4 - (Keys.length - managed.length); left > 0; left--) await office.newKey();
    expect(await refused(admin("CreateKey"))).toBe("LimitExceededException");
    expect((await admin("ListKeys"))["Keys"]).toHaveLength(6);
  });

  it("are listed page by page, each alias once", async () => {
    const mine = (await admin("ListKeys"))["Keys"].map(({ KeyId }: Answer) => KeyId);
    const described = await Promise.all(mine.map((KeyId: string) => admin("DescribeKey", { KeyId })));
    const own = described.find(({ KeyMetadata }) => KeyMetadata.KeyManager === "CUSTOMER")?.["KeyMetadata"].KeyId;
    for (const name of ["one", "two", "three"]) {
      await admin("CreateAlias", { AliasName: `alias/${name}`, TargetKeyId: own });
    }
    for (const Limit of [1, 2, 3, 4, 7]) {
      const listed: string[] = [];
      let page: Answer = {};
      do {
        page = await aliases({ Limit, ...(page["NextMarker"] && { Marker: page["NextMarker"] }) });
        expect(page["Aliases"].length).toBeLessThanOrEqual(Limit);
        listed.push(...page["Aliases"].map(({ AliasName }: Answer) => AliasName));
      } while (page["Truncated"]);
      const names = ["aws/s3", "aws/ebs", "aws/rds", "one", "two", "three"];
      expect(listed.toSorted()).toEqual(names.map((name) => `alias/${name}`).toSorted());
    }
  });
});
