import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Ask, account, allow, type Office, openOffice, refused } from "./office.ts";

const plaintext = btoa("plaintext");
const serviceAccount = "999900001111";
const name = "logs.amazonaws.com";
const SourceArn = `arn:aws:logs:us-east-1:${account}:log-group:a`;
const forGroup = { arn: SourceArn, account };
const forOther = { arn: `arn:aws:logs:us-east-1:${account}:log-group:b`, account };

describe("service principals", () => {
  let office: Office;
  let admin: Ask;
  /** The service, in its own name. */
  let logs: Ask;

  beforeAll(async () => {
    const user = (who: string, of = serviceAccount) => `arn:aws:iam::${of}:user/${who}`;
    office = await openOffice({
      servicePrincipals: { [name]: [user("logs")], "s3.amazonaws.com": [user("storage")] },
      quotas: { keysPerRegion: 20 },
    });
    admin = office.admin;
    logs = await office.user(
      "logs",
      serviceAccount,
      allow(["kms:CreateKey", "kms:ListKeys", "kms:ListRetirableGrants"]),
    );
  }, 60_000);
  afterAll(() => office.close());

  const withPolicy = (Service: string, more: object = {}): Promise<string> => {
    const statements = [
      { Effect: "Allow", Principal: { AWS: account }, Action: "kms:*", Resource: "*" },
      { Effect: "Allow", Principal: { Service }, Action: ["kms:Encrypt", "kms:DescribeKey"], Resource: "*", ...more },
    ];
    return office.newKey({ Policy: JSON.stringify({ Version: "2012-10-17", Statement: statements }) });
  };
  const encrypt = (by: Ask, KeyId: string, source?: { arn?: string; account?: string }) =>
    refused(by("Encrypt", { KeyId, Plaintext: plaintext }, source));

  it("use what a key policy of another account lets them, by their name or their name in the region", async () => {
    for (const Service of [name, "logs.us-east-1.amazonaws.com"]) {
      const key = await withPolicy(Service);
      expect(await encrypt(logs, key)).toBe("answered");
      expect((await logs("DescribeKey", { KeyId: key }))["KeyMetadata"].AWSAccountId).toBe(account);
      expect(await refused(logs("GenerateDataKey", { KeyId: key, KeySpec: "AES_256" }))).toBe("AccessDeniedException");
    }
    for (const Service of ["s3.amazonaws.com", "logs.eu-west-1.amazonaws.com"]) {
      expect(await encrypt(logs, await withPolicy(Service))).toBe("AccessDeniedException");
    }
    expect(await encrypt(logs, await office.newKey())).toBe("AccessDeniedException");
  });

  it("are held to the resource and the account that they act for", async () => {
    const byAccount = await withPolicy(name, { Condition: { StringEquals: { "aws:SourceAccount": account } } });
    const byArn = await withPolicy(name, { Condition: { ArnLike: { "aws:SourceArn": `${SourceArn.slice(0, -1)}*` } } });
    for (const key of [byAccount, byArn]) {
      expect(await encrypt(logs, key)).toBe("AccessDeniedException");
      expect(await encrypt(logs, key, forGroup)).toBe("answered");
      const strange = { arn: SourceArn.replace(account, "444455556666"), account: "444455556666" };
      expect(await encrypt(logs, key, strange)).toBe("AccessDeniedException");
    }
  });

  it("are believed what nobody else is: to be a service, and to act for a resource", async () => {
    const conditions = {
      Bool: { "aws:PrincipalIsAWSService": "true" },
      StringEquals: { "aws:PrincipalServiceName": name, "kms:CallerAccount": serviceAccount },
      "ForAnyValue:StringEquals": { "aws:PrincipalServiceNamesList": "logs.us-east-1.amazonaws.com" },
      Null: { "aws:PrincipalArn": "true", "kms:ViaService": "true", "aws:userid": "true" },
    };
    const key = await withPolicy(name, { Condition: conditions });
    expect(await encrypt(logs, key)).toBe("answered");
    const open = { Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" };
    const own = { Effect: "Allow", Principal: { AWS: account }, Action: "kms:PutKeyPolicy", Resource: "*" };
    for (const [Condition, expected] of [
      [{ Bool: { "aws:PrincipalIsAWSService": "true" } }, "AccessDeniedException"],
      [{ Null: { "aws:SourceArn": "false" } }, "AccessDeniedException"],
      [{ Null: { "aws:SourceArn": "true" } }, "answered"],
    ] as const) {
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ ...open, Condition }, own] });
      expect(
        await encrypt(admin, await office.newKey({ Policy, BypassPolicyLockoutSafetyCheck: true }), forGroup),
      ).toBe(expected);
    }
  });

  it("are named by denials", async () => {
    const key = await withPolicy(name);
    const { Policy } = await admin("GetKeyPolicy", { KeyId: key });
    const policy = JSON.parse(Policy);
    const Condition = { StringNotEquals: { "aws:SourceAccount": account } };
    const denial = { Effect: "Deny", Principal: { Service: name }, Action: "kms:*", Resource: "*", Condition };
    policy.Statement.push(denial);
    await admin("PutKeyPolicy", { KeyId: key, Policy: JSON.stringify(policy) });
    expect(await encrypt(logs, key)).toBe("AccessDeniedException");
    expect(await encrypt(logs, key, forGroup)).toBe("answered");
  });

  describe("take grants", () => {
    const grant = (key: string, Operations: readonly string[], more: object = {}): Promise<Answer> =>
      admin("CreateGrant", {
        KeyId: key,
        GranteeServicePrincipal: name,
        RetiringServicePrincipal: name,
        Operations,
        Constraints: { SourceArn },
        ...more,
      });

    it("that allow what they say for the resource that they name", async () => {
      const key = await office.newKey();
      await grant(key, ["Encrypt", "Decrypt", "DescribeKey"]);
      expect(await encrypt(logs, key)).toBe("AccessDeniedException");
      expect(await encrypt(logs, key, forOther)).toBe("AccessDeniedException");
      expect(await encrypt(logs, key, forGroup)).toBe("answered");
      expect(await encrypt(await storage(), key, forGroup)).toBe("AccessDeniedException");
      expect(await encrypt(admin, key, forGroup)).toBe("answered");
      expect(await refused(logs("GenerateDataKey", { KeyId: key, KeySpec: "AES_256" }, forGroup))).toBe(
        "AccessDeniedException",
      );
    });

    it("whose source ARN binds DescribeKey when the request brings one", async () => {
      const key = await office.newKey();
      await grant(key, ["DescribeKey"]);
      const describeKey = (source?: object) => refused(logs("DescribeKey", { KeyId: key }, source));
      expect(await describeKey()).toBe("answered");
      expect(await describeKey(forGroup)).toBe("answered");
      expect(await describeKey(forOther)).toBe("AccessDeniedException");
    });

    it("of which every constraint must hold", async () => {
      const key = await office.newKey();
      await grant(key, ["Encrypt"], { Constraints: { SourceArn, EncryptionContextSubset: { group: "a" } } });
      const encryptIn = (EncryptionContext: object, source: object) =>
        refused(logs("Encrypt", { KeyId: key, Plaintext: plaintext, EncryptionContext }, source));
      expect(await encryptIn({ group: "a", more: "b" }, forGroup)).toBe("answered");
      expect(await encryptIn({ group: "b" }, forGroup)).toBe("AccessDeniedException");
      expect(await encryptIn({ group: "a" }, forOther)).toBe("AccessDeniedException");
    });

    it("and give no more than they have, for the same resource", async () => {
      const key = await office.newKey();
      await grant(key, ["Encrypt", "CreateGrant"]);
      const GranteePrincipal = `arn:aws:iam::${account}:user/admin`;
      const child = (more: object, source: object = forGroup) =>
        refused(logs("CreateGrant", { KeyId: key, GranteePrincipal, Operations: ["Encrypt"], ...more }, source));
      expect(await child({ Constraints: { SourceArn } })).toBe("answered");
      expect(await child({})).toBe("AccessDeniedException");
      expect(await child({ Constraints: { SourceArn: forOther.arn } })).toBe("AccessDeniedException");
      expect(await child({ Constraints: { SourceArn } }, forOther)).toBe("AccessDeniedException");
      expect(await child({ Constraints: { SourceArn }, Operations: ["Decrypt"] })).toBe("AccessDeniedException");
    });

    it("for their own resources, as kms:GrantIsForAWSResource tells", async () => {
      const Condition = { Bool: { "kms:GrantIsForAWSResource": "true" } };
      const key = await withPolicy(name, { Action: "kms:CreateGrant", Condition });
      const request = { KeyId: key, GranteePrincipal: `arn:aws:iam::${account}:user/admin`, Operations: ["Decrypt"] };
      expect(await refused(logs("CreateGrant", request))).toBe("answered");
    });

    it("and list and retire those that are theirs, in the account that they act for", async () => {
      const key = await office.newKey();
      const { GrantId } = await grant(key, ["Encrypt"]);
      const list = (by: Ask, RetiringServicePrincipal = name, source: object = forGroup) =>
        by("ListRetirableGrants", { RetiringServicePrincipal, Limit: 100 }, source);
      expect((await list(logs))["Grants"].map((one: Answer) => one["GrantId"])).toContain(GrantId);
      expect((await list(logs, name, {}))["Grants"]).toEqual([]);
      expect(await refused(list(logs, "s3.amazonaws.com"))).toBe("AccessDeniedException");
      expect(await refused(list(admin))).toBe("ValidationException");
      const retire = (by: Ask) => refused(by("RetireGrant", { KeyId: key, GrantId }));
      expect(await retire(await storage())).toBe("AccessDeniedException");
      expect(await retire(logs)).toBe("answered");
      expect(await encrypt(logs, key, forGroup)).toBe("AccessDeniedException");
    });
  });

  let storageUser: Ask | undefined;
  const storage = async (): Promise<Ask> => {
    storageUser ??= await office.user("storage", serviceAccount);
    return storageUser;
  };

  it("make keys of their own, which no customer sees and nobody counts", async () => {
    const Policy = (Action: string) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: name }, Action, Resource: "*" }],
      });
    const keys: string[] = [];
    for (let n = 0; n < 21; n++) keys.push(await office.newKey({ Policy: Policy("kms:*") }, logs));
    const [KeyId = ""] = keys;
    const { CiphertextBlob } = await logs("Encrypt", { KeyId, Plaintext: plaintext });
    expect((await logs("ListKeys"))["Keys"]).toHaveLength(21);
    const listed = (await admin("ListKeys"))["Keys"].map(({ KeyArn }: Answer) => KeyArn);
    expect(listed).not.toContain(KeyId);
    const root = await office.user("root", account, allow("kms:*"));
    const blob = Buffer.from(CiphertextBlob).toString("base64");
    const asked: readonly (readonly [string, object])[] = [
      ["DescribeKey", { KeyId }],
      ["Decrypt", { CiphertextBlob: blob }],
      ["Encrypt", { KeyId, Plaintext: plaintext }],
      ["GetKeyPolicy", { KeyId }],
      ["ListGrants", { KeyId }],
      ["ScheduleKeyDeletion", { KeyId }],
    ];
    for (const by of [admin, root, await storage()]) {
      for (const [operation, request] of asked) {
        expect([operation, await refused(by(operation, request))]).toEqual([operation, "AccessDeniedException"]);
      }
    }
    expect(await refused(logs("Decrypt", { CiphertextBlob: blob }))).toBe("answered");
  });

  it("are in the audit log by their name, for the account whose key they use, with the access key that signed", async () => {
    const key = await withPolicy(name);
    await encrypt(logs, key, forGroup);
    await encrypt(logs, await office.newKey());
    const log = readFileSync(join(office.site.premises.audit.directory, "service.jsonl"), "utf8");
    const events = log
      .split("\n")
      .filter((line) => line.includes('"eventName":"Encrypt"'))
      .slice(-2);
    const accessKeyId = expect.stringMatching(/^AKIA/);
    for (const line of events) {
      const { userIdentity, recipientAccountId } = JSON.parse(line);
      expect(userIdentity).toEqual({ type: "AWSService", accountId: serviceAccount, invokedBy: name, accessKeyId });
      expect(recipientAccountId).toBe(account);
    }
    const source = { sourceArn: SourceArn, sourceAccount: account };
    expect(JSON.parse(events[0] ?? "").additionalEventData).toMatchObject(source);
    expect(events[1]).toContain("User: logs.amazonaws.com is not authorized to perform: kms:Encrypt");
  });

  it("have one place in the configuration", async () => {
    const user = `arn:aws:iam::${account}:user/a`;
    const services = { s3: [user] };
    await expect(openOffice({ services, servicePrincipals: { [name]: [user] } })).rejects.toThrow(/servicePrincipals/);
    await expect(openOffice({ services: { s3: [user], ebs: [user] } })).rejects.toThrow("of s3 and of ebs");
  });
});
