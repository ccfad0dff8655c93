import { describe, expect, test } from "vitest";
import { conditionContext } from "../../src/access/context.ts";
import { account, alice } from "./documents.ts";

const facts = {
  principal: {
    type: "IAMUser",
    account,
    arn: alice,
    id: "AIDAEXAMPLE",
    name: "alice",
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    policies: [],
  },
  region: "eu-central-1",
  address: "192.0.2.1",
  userAgent: "aws-cli/2.9.19",
  tls: {},
} as const;

const key = {
  id: "mrk-1234abcd12ab34cd56ef1234567890ab",
  account,
  region: "eu-central-1",
  spec: "SYMMETRIC_DEFAULT",
  usage: "ENCRYPT_DECRYPT",
  origin: "AWS_KMS",
  description: "",
  state: "Enabled",
  createdAt: 0,
  policy: "",
  tags: { Cost: "a", Team: "b", team: "c" },
  aliases: ["alias/one", "alias/two"],
  hbkId: "",
  materials: [],
} as const;

describe("the context of a decision", () => {
  test.each<[string, string | readonly string[] | undefined]>([
    ["aws:principalarn", alice],
    ["aws:principalaccount", account],
    ["aws:principaltype", "User"],
    ["aws:username", "alice"],
    ["aws:userid", "AIDAEXAMPLE"],
    ["aws:sourceip", "192.0.2.1"],
    ["aws:useragent", "aws-cli/2.9.19"],
    ["aws:securetransport", "true"],
    ["aws:requestedregion", "eu-central-1"],
    ["aws:resourceaccount", account],
    ["aws:viaawsservice", "false"],
    ["aws:principalorgid", undefined],
    ["kms:calleraccount", account],
    ["kms:keyspec", "SYMMETRIC_DEFAULT"],
    ["kms:customermasterkeyusage", "ENCRYPT_DECRYPT"],
    ["kms:keyorigin", "AWS_KMS"],
    ["kms:multiregion", "true"],
    ["kms:resourcealiases", ["alias/one", "alias/two"]],
    ["kms:viaservice", undefined],
    ["aws:resourcetag/cost", "a"],
    ["aws:resourcetag/team", ["b", "c"]],
    ["aws:resourcetag/none", undefined],
  ])("has %s: %j", (name, value) => {
    expect(conditionContext(facts, new Map(), key).get(name)).toEqual(value);
  });

  test("tells the time in both ways", () => {
    const context = conditionContext(facts);
    const seconds = Number(context.get("aws:epochtime"));
    expect(Math.abs(Date.now() / 1000 - seconds)).toBeLessThan(5);
    expect(Math.floor(Date.parse(context.get("aws:currenttime") as string) / 1000)).toBe(seconds);
  });

  test("knows nothing of a key where none is concerned", () => {
    for (const name of ["kms:keyspec", "kms:resourcealiases", "aws:resourcetag/cost", "aws:resourceaccount"]) {
      expect(conditionContext(facts).get(name)).toBeUndefined();
    }
  });

  test("takes what the operation supplies, in any case; names that differ in case only are one key of both values", () => {
    const conditions = new Map<string, string | readonly string[]>([
      ["kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"],
      ["kms:EncryptionContext:Tenant", "A"],
      ["kms:EncryptionContext:tenant", "b"],
      ["kms:EncryptionContextKeys", ["Tenant", "tenant"]],
    ]);
    const context = conditionContext(facts, conditions, key);
    expect(context.get("kms:encryptionalgorithm")).toBe("SYMMETRIC_DEFAULT");
    expect(context.get("kms:encryptioncontext:tenant")).toEqual(["A", "b"]);
    expect(context.get("kms:encryptioncontextkeys")).toEqual(["Tenant", "tenant"]);
    expect(context.get("kms:keyspec")).toBe("SYMMETRIC_DEFAULT");
  });
});
