// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileIdentityPolicy, compileKeyPolicy, defaultKeyPolicy, principalsOf } from "../../src/access/policy.ts";
import { KmsError } from "../../src/base/errors.ts";
import { account, alice, allowAll, document, otherAccount } from "./documents.ts";

/** Why the document is refused; undefined when it is not. */
function refusal(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    if (error instanceof KmsError && error.code === "MalformedPolicyDocumentException") return error.message;
    throw error;
  }
}
const keyRefusal = (text: string) => refusal(() => compileKeyPolicy(text));
const identityRefusal = (text: string) => refusal(() => compileIdentityPolicy(text, "test"));
const withCondition = (Condition: unknown) => document({ ...allowAll, Condition });
const { Principal: _, ...identityStatement } = allowAll;

describe("a key policy is refused", () => {
  test.each<[string, string, RegExp]>([
    ["that is empty", "", /^Policy: must be a JSON object/],
    ["that is no JSON", "{", /^Policy: must be a JSON object/],
    ["with two members of one name", '{"Version":"2012-10-17","Version":"2008-10-17","Statement":[]}', /equal name/],
    ["of another version", '{"Version":"2012-10-18","Statement":[]}', /^Version:/],
    ["without statements", '{"Version":"2012-10-17"}', /^Statement: there is none/],
    ["with no statement in its list", document(), /^Statement: there is none/],
    ["with an unknown member", '{"Versoin":"2012-10-17","Statement":[]}', /^Policy: unknown element "Versoin"/],
    ["with an unknown element", document({ ...allowAll, Efect: "Deny" }), /^Statement 1: unknown element "Efect"/],
    ["with a statement that is no object", '{"Statement":["x"]}', /^Statement 1: must be an object/],
    ["with an effect in lower case", document({ ...allowAll, Effect: "allow" }), /^Statement 1: Effect/],
    ["without principal", document(allowAll, identityStatement), /^Statement 2: needs either Principal/],
    ["with both kinds of principal", document({ ...allowAll, NotPrincipal: "*" }), /needs either Principal/],
    ["that allows all but some", document({ ...identityStatement, NotPrincipal: { AWS: alice } }), /everybody else/],
    ["with a wildcard in a principal", document({ ...allowAll, Principal: { AWS: `${alice}*` } }), /Principal:/],
    ["with a principal of no kind", document({ ...allowAll, Principal: { Federated: "x" } }), /unknown element "Fed/],
    ["with an empty list of principals", document({ ...allowAll, Principal: { AWS: [] } }), /must not be empty/],
    ["with an unknown action", document({ ...allowAll, Action: "kms:Encyrpt" }), /Action: is no action of KMS/],
    [
      "with an action of another service",
      document({ ...allowAll, Action: "s3:GetObject" }),
      /Action: must be an action/,
    ],
    ["with an action that is a number", document({ ...allowAll, Action: 1 }), /Action: must be a string/],
    ["with Action and NotAction", document({ ...allowAll, NotAction: "kms:Sign" }), /both Action and NotAction/],
    ["with a resource that is no ARN", document({ ...allowAll, Resource: "key/1" }), /Resource: must be/],
    ["with an open variable", document({ ...allowAll, Resource: "arn:${aws:username" }), /variable is not closed/],
    [
      "with an unknown variable",
      document({ ...allowAll, Resource: "arn:${aws:user}" }),
      /policy variable does not name/,
    ],
    [
      "with a multi-valued variable",
      document({ ...allowAll, Resource: "arn:${aws:TagKeys}" }),
      /policy variable does not/,
    ],
    ["with a bare default", document({ ...allowAll, Resource: "arn:${aws:username, x}" }), /single quotes/],
  ])("%s", (_name, text, why) => {
    expect(keyRefusal(text)).toMatch(why);
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown operator", { StringSame: { "aws:username": "x" } }, /Condition: unknown operator "StringSame"/],
    ["an operator in lower case", { stringequals: { "aws:username": "x" } }, /unknown operator/],
    ["an unknown set operator", { "ForSome:StringEquals": { "aws:username": "x" } }, /unknown operator/],
    ["Null with IfExists", { NullIfExists: { "aws:username": "true" } }, /unknown operator/],
    ["an unknown key", { StringEquals: { "aws:usrname": "x" } }, /unknown condition key "aws:usrname"/],
    ["no key", { StringEquals: {} }, /names no condition key/],
    ["no value", { StringEquals: { "aws:username": [] } }, /must not be empty/],
    ["a value that is an object", { StringEquals: { "aws:username": {} } }, /must be a string, a number/],
    ["a number that is none", { NumericEquals: { "kms:RotationPeriodInDays": "ninety" } }, /must be a number/],
    ["a date that is none", { DateLessThan: { "aws:CurrentTime": "2026-02-30" } }, /must be a date/],
    ["a boolean that is none", { Bool: { "kms:MultiRegion": "yes" } }, /must be true or false/],
    ["base64 that is none", { BinaryEquals: { "aws:username": "?" } }, /must be base64/],
    ["an address that is none", { IpAddress: { "aws:SourceIp": "10.0.0.0/33" } }, /must be an IP address/],
    ["an ARN that is none", { ArnLike: { "aws:PrincipalArn": "*" } }, /must be an ARN/],
    ["Null of something else", { Null: { "aws:username": "yes" } }, /must be true or false/],
    [
      "a key that only identity policies may use",
      { StringEquals: { "aws:ResourceTag/a": "x" } },
      /identity policies only/,
    ],
    ["a multi-valued key by itself", { StringEquals: { "aws:TagKeys": "x" } }, /needs ForAllValues/],
    [
      "ForAllValues on a pair of the encryption context",
      { "ForAllValues:StringEquals": { "kms:EncryptionContext:tenant": "x" } },
      /overly permissive/,
    ],
    ["ForAllValues on a request tag", { "ForAllValues:StringLike": { "aws:RequestTag/a": "x" } }, /overly permissive/],
  ])("whose condition has %s", (_name, condition, why) => {
    expect(keyRefusal(withCondition(condition))).toMatch(why);
  });
});

describe("a key policy is accepted", () => {
  test.each<[string, string]>([
    ["that is the default", defaultKeyPolicy(account, "us-east-1")],
    ["of 2008", JSON.stringify({ Version: "2008-10-17", Statement: allowAll })],
    ["without version", JSON.stringify({ Statement: [allowAll] })],
    ["with spaces in a Sid", document({ ...allowAll, Sid: "Allow use of the key" })],
    ["without action", document({ Effect: "Allow", Principal: "*", Resource: "*" })],
    ["without resource", document({ Effect: "Allow", Principal: "*", Action: "kms:*" })],
    ["that names a service", document({ ...allowAll, Principal: { Service: "logs.us-east-1.amazonaws.com" } })],
    ["whose action is in lower case", document({ ...allowAll, Action: ["KMS:encrypt", "kms:generate*"] })],
    [
      "with JSON booleans and numbers",
      withCondition({ Bool: { "kms:MultiRegion": true }, NumericEquals: { "kms:RotationPeriodInDays": 90 } }),
    ],
    ["with every escape", withCondition({ StringLike: { "aws:username": "${*}${?}${$}${aws:userid, 'none'}" } })],
    [
      "of 2008 with text like a variable",
      JSON.stringify({ Version: "2008-10-17", Statement: { ...allowAll, Resource: "arn:${" } }),
    ],
  ])("%s", (_name, text) => {
    expect(keyRefusal(text)).toBeUndefined();
  });
});

describe("an identity policy", () => {
  test("has no principal, and needs action and resource", () => {
    expect(identityRefusal(document(allowAll))).toMatch(/unknown element "Principal"/);
    expect(identityRefusal(document({ Effect: "Allow", Action: "*" }))).toMatch(/needs Resource or NotResource/);
    expect(identityRefusal(document({ Effect: "Allow", Resource: "*" }))).toMatch(/needs Action or NotAction/);
    expect(identityRefusal(document(identityStatement))).toBeUndefined();
  });

  test("may speak of other services", () => {
    expect(identityRefusal(document({ ...identityStatement, Action: ["s3:GetObject", "*"] }))).toBeUndefined();
  });

  test("has each Sid once, of letters and digits", () => {
    const twice = { ...identityStatement, Sid: "Same" };
    expect(identityRefusal(document(twice, twice))).toMatch(/same Sid/);
    expect(identityRefusal(document({ ...twice, Sid: "with space" }))).toMatch(/bad Sid/);
  });
});

test("a key policy may be 32 KB long, in bytes", () => {
  const filled = (length: number) => {
    const text = document({ ...allowAll, Sid: "é" });
    return text + " ".repeat(length - Buffer.byteLength(text));
  };
  expect(keyRefusal(filled(32_768))).toBeUndefined();
  expect(() => compileKeyPolicy(filled(32_769))).toThrow(
    expect.objectContaining({ code: "LimitExceededException", message: expect.stringMatching(/32768 bytes/) }),
  );
});

test("the default key policy is the one of AWS, byte for byte", () => {
  const text = `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`;
  expect(defaultKeyPolicy("111122223333", "eu-west-1")).toBe(text);
  expect(defaultKeyPolicy("111122223333", "cn-north-1")).toBe(text.replace("arn:aws:", "arn:aws-cn:"));
});

test("the principals of a policy are its users and account roots, each once, services and everybody aside", () => {
  const named = { ...allowAll, Principal: { AWS: [alice, account, "*"], Service: "logs.amazonaws.com" } };
  const denied = {
    ...identityStatement,
    Effect: "Deny",
    NotPrincipal: { AWS: [alice, `arn:aws:iam::${otherAccount}:root`] },
  };
  expect(principalsOf(compileKeyPolicy(document(named, denied))).toSorted()).toEqual([
    `arn:aws:iam::${account}:root`,
    alice,
    `arn:aws:iam::${otherAccount}:root`,
  ]);
});

test("no message repeats more of a document than the name of an element", () => {
  const secret = "s".repeat(200);
  const text = document({ ...allowAll, [secret]: 1 });
  expect(keyRefusal(text)).not.toContain("s".repeat(65));
  expect(keyRefusal(withCondition({ StringEquals: { "aws:username": { secret } } }))).not.toContain("ssss");
});

test("whatever the document, the answer is a policy or a MalformedPolicyDocumentException", () => {
  const word = fc.constantFrom(
    ..."Version Statement Effect Allow Deny Principal AWS * kms:* Action Resource NotAction Condition StringEquals".split(
      " ",
    ),
    ..."ForAnyValue:StringLike aws:username ${ } ${aws:username} 2012-10-17 arn: IpAddress 10.0.0.0/8 Null true".split(
      " ",
    ),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, word, fc.integer(), fc.constant(null), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.dictionary(word, tie("value"), { maxKeys: 4 }),
  }));
  const near = fc.record({
    Version: fc.constant("2012-10-17"),
    Statement: fc.record({
      Effect: fc.constant("Allow"),
      Principal: value,
      Action: value,
      Resource: value,
      Condition: value,
    }),
  });
  fc.assert(
    fc.property(fc.oneof(value, near), (thing) => {
      keyRefusal(JSON.stringify(thing));
      identityRefusal(JSON.stringify(thing));
    }),
    { numRuns: 3000 },
  );
});
