// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables
import { describe, expect, test } from "vitest";
import { compileConditions, holds } from "../../src/access/conditions.ts";

type Context = Readonly<Record<string, string | readonly string[]>>;

function satisfied(block: object, context: Context, effect: "Allow" | "Deny" = "Allow"): boolean {
  const conditions = compileConditions(block, { effect, kind: "identity", variables: true }, "Condition");
  const keys = new Map(Object.entries(context));
  return conditions.every((condition) => holds(condition, keys));
}

describe("an operator", () => {
  test.each<[string, string, unknown, string, boolean]>([
    ["StringEquals", "aws:username", ["bob", "alice"], "alice", true],
    ["StringEquals", "aws:username", "ALICE", "alice", false],
    ["StringEquals", "aws:username", "al*", "alice", false],
    ["StringEquals", "aws:username", "al${*}", "al*", true],
    ["StringNotEquals", "aws:username", ["bob", "alice"], "alice", false],
    ["StringNotEquals", "aws:username", "bob", "alice", true],
    ["StringEqualsIgnoreCase", "aws:username", "ALICE", "alice", true],
    ["StringNotEqualsIgnoreCase", "aws:username", "ALICE", "alice", false],
    ["StringLike", "aws:username", "a?i*", "alice", true],
    ["StringLike", "aws:username", "a${*}", "alice", false],
    ["StringLike", "aws:username", "a${*}${?}", "a*?", true],
    ["StringNotLike", "aws:username", "a*", "alice", false],
    ["NumericEquals", "kms:RotationPeriodInDays", "90", "90.0", true],
    ["NumericNotEquals", "kms:RotationPeriodInDays", 90, "91", true],
    ["NumericLessThan", "kms:RotationPeriodInDays", 90, "90", false],
    ["NumericLessThanEquals", "kms:RotationPeriodInDays", 90, "90", true],
    ["NumericGreaterThan", "kms:RotationPeriodInDays", 90, "9", false],
    ["NumericGreaterThanEquals", "kms:RotationPeriodInDays", 90, "100", true],
    ["NumericEquals", "kms:RotationPeriodInDays", 90, "ninety", false],
    ["DateEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", true],
    ["DateLessThan", "aws:CurrentTime", "2026-01-02", "2026-01-01T23:59:59Z", true],
    ["DateLessThan", "aws:CurrentTime", "1767225600", "2025-12-31T23:59:59Z", true],
    ["DateGreaterThan", "aws:EpochTime", "2026-01-01T00:00:00Z", "1767225601", true],
    ["DateNotEquals", "aws:CurrentTime", "2026", "2026-01-01", false],
    ["Bool", "aws:SecureTransport", "true", "true", true],
    ["Bool", "aws:SecureTransport", false, "true", false],
    ["BinaryEquals", "aws:username", "QUI=", "QUI=", true],
    ["BinaryEquals", "aws:username", "QUI=", "QUJD", false],
    ["IpAddress", "aws:SourceIp", "192.0.2.0/24", "192.0.2.255", true],
    ["IpAddress", "aws:SourceIp", "192.0.2.0/25", "192.0.2.128", false],
    ["IpAddress", "aws:SourceIp", "192.0.2.7", "192.0.2.7", true],
    ["IpAddress", "aws:SourceIp", "0.0.0.0/0", "203.0.113.9", true],
    ["IpAddress", "aws:SourceIp", "0.0.0.0/0", "2001:db8::1", false],
    ["IpAddress", "aws:SourceIp", "192.0.2.0/24", "::ffff:192.0.2.1", true],
    ["IpAddress", "aws:SourceIp", "::ffff:192.0.2.0/120", "192.0.2.1", true],
    ["IpAddress", "aws:SourceIp", "2001:db8::/33", "2001:db8:7fff::1", true],
    ["IpAddress", "aws:SourceIp", "2001:db8::/33", "2001:db8:8000::1", false],
    ["IpAddress", "aws:SourceIp", "2001:db8::/32", "not an address", false],
    ["NotIpAddress", "aws:SourceIp", "192.0.2.0/24", "198.51.100.1", true],
    ["NotIpAddress", "aws:SourceIp", "192.0.2.0/24", "192.0.2.1", false],
    ["ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/a*", "arn:aws:iam::111122223333:user/alice", true],
    ["ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/a*", "arn:aws:iam::111122223333:user/alice", true],
    ["ArnLike", "aws:PrincipalArn", "arn:aws:*::user/alice:x", "arn:aws:iam::111122223333:user/alice:x", false],
    ["ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*", "alice", false],
    ["ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:user/alice", true],
    ["ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/*", "arn:aws:iam::111122223333:user/alice", false],
  ])("%s on %s with %j of %j: %j", (operator, key, values, actual, expected) => {
    expect(satisfied({ [operator]: { [key]: values } }, { [key.toLowerCase()]: actual })).toBe(expected);
  });

  test.each<[string, boolean]>([
    ["StringEquals", false],
    ["StringEqualsIfExists", true],
    ["StringNotEquals", true],
    ["ForAllValues:StringEquals", true],
    ["ForAllValues:StringNotEquals", true],
    ["ForAnyValue:StringEquals", false],
    ["ForAnyValue:StringNotEquals", false],
    ["ForAnyValue:StringEqualsIfExists", true],
  ])("%s on a key that the request does not have: %j", (operator, expected) => {
    expect(satisfied({ [operator]: { "aws:username": "x" } }, {})).toBe(expected);
  });

  test("Null asks whether the key is there; a list without items is not", () => {
    const absent = { Null: { "aws:TagKeys": "true" } };
    const present = { Null: { "aws:TagKeys": false } };
    expect([satisfied(absent, {}), satisfied(present, {})]).toEqual([true, false]);
    expect([satisfied(absent, { "aws:tagkeys": [] }), satisfied(present, { "aws:tagkeys": [] })]).toEqual([
      true,
      false,
    ]);
    expect([satisfied(absent, { "aws:tagkeys": ["a"] }), satisfied(present, { "aws:tagkeys": ["a"] })]).toEqual([
      false,
      true,
    ]);
  });
});

describe("a set of values", () => {
  const keys = { "aws:tagkeys": ["a", "b"] };
  test.each<[string, readonly string[], boolean]>([
    ["ForAllValues:StringEquals", ["a", "b", "c"], true],
    ["ForAllValues:StringEquals", ["a"], false],
    ["ForAnyValue:StringEquals", ["b", "c"], true],
    ["ForAnyValue:StringEquals", ["c"], false],
    ["ForAllValues:StringNotEquals", ["c"], true],
    ["ForAllValues:StringNotEquals", ["a"], false],
    ["ForAnyValue:StringNotEquals", ["a"], true],
    ["ForAnyValue:StringNotEquals", ["a", "b"], false],
  ])("%s %j: %j", (operator, values, expected) => {
    expect(satisfied({ [operator]: { "aws:TagKeys": values } }, keys)).toBe(expected);
  });

  test("under one name of the encryption context must all please an Allow, and need only one to meet a Deny", () => {
    const block = { StringEquals: { "kms:EncryptionContext:tenant": "mine" } };
    const both = { "kms:encryptioncontext:tenant": ["mine", "yours"] };
    expect(satisfied(block, both, "Allow")).toBe(false);
    expect(satisfied(block, both, "Deny")).toBe(true);
  });
});

describe("a policy variable", () => {
  const block = { StringLike: { "kms:EncryptionContext:owner": "${aws:username}-*" } };
  const owner = "kms:encryptioncontext:owner";

  test("stands for the request's value, letter by letter", () => {
    expect(satisfied(block, { "aws:username": "alice", [owner]: "alice-1" })).toBe(true);
    expect(satisfied(block, { "aws:username": "bob", [owner]: "alice-1" })).toBe(false);
    expect(satisfied(block, { "aws:username": "*", [owner]: "alice-1" })).toBe(false);
    expect(satisfied(block, { "aws:username": "*", [owner]: "*-1" })).toBe(true);
  });

  test("matches nothing where the request has no such key, unless it has a default", () => {
    expect(satisfied(block, { [owner]: "-1" })).toBe(false);
    const withDefault = { StringEquals: { [owner]: "${aws:username, 'no one'}" } };
    expect(satisfied(withDefault, { [owner]: "no one" })).toBe(true);
    expect(satisfied(withDefault, { "aws:username": "alice", [owner]: "no one" })).toBe(false);
  });

  test("stands inside of one component of an ARN", () => {
    const arn = { ArnLike: { "aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}" } };
    const alice = { "aws:principalarn": "arn:aws:iam::111122223333:user/alice", "aws:username": "alice" };
    expect(satisfied(arn, { ...alice, "aws:principalaccount": "111122223333" })).toBe(true);
    expect(satisfied(arn, { ...alice, "aws:principalaccount": "444455556666" })).toBe(false);
  });
});

test("all operators and keys of a block must hold", () => {
  const block = { StringEquals: { "aws:username": "a", "aws:userid": "b" }, Bool: { "aws:SecureTransport": "true" } };
  const all = { "aws:username": "a", "aws:userid": "b", "aws:securetransport": "true" };
  expect(satisfied(block, all)).toBe(true);
  for (const key of Object.keys(all)) expect(satisfied(block, { ...all, [key]: "c" })).toBe(false);
});
