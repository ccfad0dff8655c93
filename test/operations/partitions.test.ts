import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Ask, account, allow, type Office, openOffice, refused } from "./office.ts";

/** ARNs are of the partition of their Region: `aws-cn` in China, where `aws` is for the same users, too. */
describe.each([
  ["cn-north-1", "aws-cn"],
  ["us-gov-west-1", "aws-us-gov"],
])("in %s", (region, partition) => {
  let office: Office;
  let admin: Ask;
  let alice: Ask;
  const user = (name: string, of = partition) => `arn:${of}:iam::${account}:user/${name}`;

  beforeAll(async () => {
    office = await openOffice({ regions: [region] }, region);
    admin = office.admin;
    alice = await office.user("alice", account, undefined, region);
  }, 60_000);
  afterAll(() => office.close());

  const encrypt = (by: Ask, KeyId: string) => refused(by("Encrypt", { KeyId, Plaintext: btoa("a") }));

  it("keys and the default policy have ARNs of the partition", async () => {
    const Arn = await office.newKey();
    expect(Arn).toMatch(new RegExp(`^arn:${partition}:kms:${region}:`));
    const policy = JSON.parse((await admin("GetKeyPolicy", { KeyId: Arn }))["Policy"]);
    expect(policy.Statement[0].Principal.AWS).toBe(`arn:${partition}:iam::${account}:root`);
    expect(await refused(admin("DescribeKey", { KeyId: Arn.replace(partition, "aws") }))).toBe("NotFoundException");
  });

  it.each([partition, "aws"])("key policies name users by the partition %s", async (of) => {
    const statement = (AWS: string, more: object = {}) => ({
      Effect: "Allow",
      Principal: { AWS },
      Action: "kms:*",
      Resource: "*",
      ...more,
    });
    const document = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
    const root = statement(`arn:${of}:iam::${account}:root`);
    const key = await office.newKey({ Policy: document(root, statement(user("alice", of))) });
    expect(await encrypt(alice, key)).toBe("answered");
    const none = admin("CreateKey", { Policy: document(root, statement(user("nobody", of))) });
    expect(await refused(none)).toBe("MalformedPolicyDocumentException");
    const Condition = { StringEquals: { "aws:PrincipalArn": user("alice") } };
    const byCondition = await office.newKey({ Policy: document(root, statement("*", { Condition })) });
    expect(await encrypt(alice, byCondition)).toBe("answered");
  });

  it("grants are to users of the partition, who see themselves so", async () => {
    const KeyId = await office.newKey();
    const GranteePrincipal = user("alice");
    const RetiringPrincipal = user("admin");
    const { GrantId } = await admin("CreateGrant", {
      KeyId,
      GranteePrincipal,
      RetiringPrincipal,
      Operations: ["Encrypt"],
    });
    expect(await encrypt(alice, KeyId)).toBe("answered");
    const [listed] = (await admin("ListGrants", { KeyId, GranteePrincipal }))["Grants"];
    const IssuingAccount = `arn:${partition}:iam::${account}:root`;
    expect(listed).toMatchObject({ GrantId, GranteePrincipal, RetiringPrincipal, IssuingAccount });
    const retirable = await admin("ListRetirableGrants", { RetiringPrincipal });
    expect(retirable["Grants"].map((one: Answer) => one["GrantId"])).toContain(GrantId);
    await expect(alice("DescribeKey", { KeyId })).rejects.toThrow(`User: ${GranteePrincipal} is not authorized`);
  });

  it("identity policies are held against keys of the partition", async () => {
    const own = await office.user(
      `own-${region}`,
      account,
      allow("kms:*", { Resource: `arn:${partition}:kms:*` }),
      region,
    );
    expect(await encrypt(own, await office.newKey())).toBe("answered");
    const other = await office.user(
      `other-${region}`,
      account,
      allow("kms:*", { Resource: "arn:aws:kms:*:*:*" }),
      region,
    );
    expect(await encrypt(other, await office.newKey())).toBe("AccessDeniedException");
  });
});
