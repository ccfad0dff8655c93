// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Decision, Principal } from "../../src/access/authorizer.ts";
import { authorizer } from "../../src/access/evaluate.ts";
import { compileIdentityPolicy, compileKeyPolicy, defaultKeyPolicy } from "../../src/access/policy.ts";
import { account, alice, document, keyArn, otherAccount } from "./documents.ts";
import { type SlowRequest, slowlyAllowed } from "./slow-evaluator.ts";

function decide(request: SlowRequest): Decision {
  const { keyPolicy, identityPolicies, context, principal, ...rest } = request;
  const policies = identityPolicies.map((text, i) => compileIdentityPolicy(text, `p${i + 1}`));
  return authorizer.decide({
    ...rest,
    principal: { ...principal, policies },
    context: new Map(Object.entries(context)),
    ...(keyPolicy !== undefined && { keyPolicy: compileKeyPolicy(keyPolicy) }),
  });
}

const user = (owner: string, name: string): Omit<Principal, "policies"> => {
  const arn = `arn:aws:iam::${owner}:user/${name}`;
  return { type: "IAMUser", account: owner, arn, id: `AIDA${name}`, name, accessKeyId: "AKIAIOSFODNN7EXAMPLE" };
};
const root: Omit<Principal, "policies"> = {
  type: "Root",
  account,
  arn: `arn:aws:iam::${account}:root`,
  id: account,
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
};
const ask = (request: Partial<SlowRequest>): Decision =>
  decide({
    principal: user(account, "alice"),
    action: "kms:Encrypt",
    resource: keyArn,
    owner: account,
    context: {},
    keyPolicy: undefined,
    identityPolicies: [],
    ...request,
  });

const identity = (Effect: "Allow" | "Deny", Action: string, Resource = "*", Sid = "Mine") =>
  document({ Sid, Effect, Action, Resource });
const key = (Effect: "Allow" | "Deny", Principal: unknown, Action = "kms:*") =>
  document({ Sid: "Of the key", Effect, Principal, Action, Resource: "*" });
const everything = identity("Allow", "*");

describe("a decision", () => {
  test("is a refusal where nothing speaks", () => {
    expect(ask({})).toEqual({
      allowed: false,
      reason: "no identity-based policy allows the kms:Encrypt action",
      denial: "noIdentityPolicy",
    });
    expect(ask({ keyPolicy: defaultKeyPolicy(account, "us-east-1") }).allowed).toBe(false);
    expect(
      ask({ keyPolicy: key("Allow", { AWS: `arn:aws:iam::${account}:user/bob` }), identityPolicies: [everything] }),
    ).toMatchObject({
      allowed: false,
      denial: "noPolicy",
    });
  });

  test("goes by the key policy alone where that names the caller, and says by which statement", () => {
    expect(ask({ keyPolicy: key("Allow", { AWS: alice }) })).toEqual({
      allowed: true,
      reason: 'allowed by key policy, statement 1 "Of the key"',
    });
    expect(ask({ keyPolicy: key("Allow", "*") }).allowed).toBe(true);
  });

  test("is left to identity policies where the key policy names the account", () => {
    for (const name of [account, `arn:aws:iam::${account}:root`]) {
      const keyPolicy = key("Allow", { AWS: name });
      expect(ask({ keyPolicy }).allowed).toBe(false);
      expect(ask({ keyPolicy, identityPolicies: [identity("Allow", "kms:Encrypt")] })).toEqual({
        allowed: true,
        reason: 'allowed by identity policy p1, statement 1 "Mine"',
      });
    }
  });

  test("needs both sides across accounts", () => {
    const principal = user(otherAccount, "carol");
    const named = key("Allow", { AWS: principal.arn });
    const delegated = key("Allow", { AWS: otherAccount });
    for (const keyPolicy of [named, delegated, key("Allow", "*")]) {
      expect(ask({ principal, keyPolicy }).allowed).toBe(false);
      expect(ask({ principal, keyPolicy, identityPolicies: [everything] }).allowed).toBe(true);
    }
    expect(
      ask({ principal, keyPolicy: defaultKeyPolicy(account, "us-east-1"), identityPolicies: [everything] }),
    ).toMatchObject({
      denial: "noResourcePolicy",
    });
    expect(ask({ principal, identityPolicies: [everything] }).allowed).toBe(false);
  });

  test("is a refusal where any policy denies, whatever the others allow", () => {
    const allowed = { keyPolicy: key("Allow", "*"), identityPolicies: [everything] };
    expect(ask({ ...allowed, identityPolicies: [everything, identity("Deny", "kms:Enc*")] })).toEqual({
      allowed: false,
      reason: 'explicitly denied by identity policy p2, statement 1 "Mine"',
      denial: "identityDeny",
    });
    for (const denied of [alice, account, "*"]) {
      expect(ask({ ...allowed, keyPolicy: key("Deny", { AWS: denied }) })).toMatchObject({
        allowed: false,
        denial: "resourceDeny",
      });
    }
    expect(
      ask({ ...allowed, action: "kms:Decrypt", identityPolicies: [everything, identity("Deny", "kms:Enc*")] }).allowed,
    ).toBe(true);
  });

  test("spares whom NotPrincipal names, by ARN or by account", () => {
    const deny = (AWS: string) =>
      document(
        { Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" },
        { Effect: "Deny", NotPrincipal: { AWS }, Action: "kms:*", Resource: "*" },
      );
    expect(ask({ keyPolicy: deny(alice) }).allowed).toBe(true);
    expect(ask({ keyPolicy: deny(account) }).allowed).toBe(true);
    expect(ask({ keyPolicy: deny(otherAccount) }).allowed).toBe(false);
  });

  test("gives the root of an account what is left to its identity policies, and no more", () => {
    expect(ask({ principal: root }).allowed).toBe(true);
    expect(ask({ principal: root, keyPolicy: defaultKeyPolicy(account, "us-east-1") }).allowed).toBe(true);
    expect(ask({ principal: root, keyPolicy: key("Allow", { AWS: alice }) }).allowed).toBe(false);
    expect(ask({ principal: root, keyPolicy: key("Deny", { AWS: account }) }).allowed).toBe(false);
  });

  test("goes by a grant where no policy allows, in any account, and names it", () => {
    const grants = (to: string) => (to === "caller" ? "g1" : undefined);
    expect(ask({ grants })).toEqual({ allowed: true, reason: "allowed by grant g1" });
    expect(ask({ grants, keyPolicy: key("Allow", { AWS: otherAccount }) }).allowed).toBe(true);
    expect(ask({ grants, principal: user(otherAccount, "carol") }).allowed).toBe(true);
    expect(ask({ grants, keyPolicy: key("Allow", { AWS: alice }) }).reason).toContain("key policy");
    expect(ask({ grants: () => undefined })).toEqual(ask({}));
  });

  test("goes by no grant against an explicit deny", () => {
    const grants = () => "g1";
    expect(ask({ grants, identityPolicies: [identity("Deny", "kms:*")] }).denial).toBe("identityDeny");
    expect(ask({ grants, keyPolicy: key("Deny", { AWS: alice }) }).denial).toBe("resourceDeny");
  });

  test("leaves a grant to an account's root to the identity policies of the account", () => {
    const grants = (to: string) => (to === "account" ? "g1" : undefined);
    const carol = user(otherAccount, "carol");
    expect(ask({ grants, principal: carol, identityPolicies: [identity("Allow", "kms:Encrypt")] })).toEqual({
      allowed: true,
      reason: 'allowed by identity policy p1, statement 1 "Mine", as grant g1 leaves it to the account',
    });
    expect(ask({ grants, principal: carol, identityPolicies: [identity("Allow", "kms:Decrypt")] }).allowed).toBe(false);
    expect(ask({ grants, principal: carol }).allowed).toBe(false);
    expect(ask({ grants, principal: root }).allowed).toBe(true);
  });

  test("goes by no statement of a key policy that lacks Action or Resource", () => {
    expect(ask({ keyPolicy: document({ Effect: "Allow", Principal: "*", Action: "kms:*" }) }).allowed).toBe(false);
    expect(ask({ keyPolicy: document({ Effect: "Allow", Principal: "*", Resource: "*" }) }).allowed).toBe(false);
  });

  test("does not go by the case of an action, and does by that of a resource", () => {
    expect(ask({ identityPolicies: [identity("Allow", "KMS:ENCRYPT", keyArn)] }).allowed).toBe(true);
    expect(
      ask({ identityPolicies: [identity("Allow", "kms:*", keyArn.toUpperCase().replace("ARN", "arn"))] }).allowed,
    ).toBe(false);
  });
});

test("decisions agree with a slow evaluator that shares no code", () => {
  const names = ["alice", "bob"];
  const arns = [account, otherAccount].flatMap((owner) => names.map((name) => `arn:aws:iam::${owner}:user/${name}`));
  const some = <T>(...items: T[]) => fc.oneof(fc.constantFrom(...items), fc.subarray(items, { minLength: 1 }));
  const either = (element: string, values: fc.Arbitrary<unknown>) =>
    fc.tuple(fc.constantFrom(element, element, `Not${element}`), values).map(([name, value]) => ({ [name]: value }));
  const actions = either("Action", some("kms:*", "kms:Encrypt", "KMS:en*", "kms:?ecrypt", "*", "kms:Sign"));
  const resources = either(
    "Resource",
    some(
      "*",
      keyArn,
      `${keyArn.slice(0, 40)}*`,
      "arn:aws:kms:*:*:alias/*",
      "arn:aws:kms:us-east-1:${aws:PrincipalAccount}:*",
      "arn:aws:kms:us-east-1:*:alias/${aws:username, 'none'}",
    ),
  );
  const conditions = fc.constantFrom<object>(
    ...[
      "StringEquals",
      "StringNotEquals",
      "StringLike",
      "StringNotLike",
      "StringEqualsIgnoreCase",
      "StringEqualsIfExists",
      "StringNotLikeIfExists",
    ].flatMap((operator) => [
      { [operator]: { "kms:EncryptionContext:tenant": ["a", "A*", "${aws:username}"] } },
      { [operator]: { "kms:EncryptionContext:tenant": "*${*}?", "aws:username": ["alice", "b*"] } },
      { [operator]: { "aws:username": "${kms:EncryptionContext:Tenant, 'bob'}" } },
    ]),
    ...["ForAllValues", "ForAnyValue"].flatMap((set) =>
      ["StringEquals", "StringNotEquals", "StringLike", "StringNotLikeIfExists"].map((operator) => ({
        [`${set}:${operator}`]: { "kms:EncryptionContextKeys": ["tenant", "d*"] },
      })),
    ),
    ...["true", "false"].map((Null) => ({ Null: { "kms:EncryptionContextKeys": Null } })),
    { IpAddress: { "aws:SourceIp": ["192.0.2.0/25", "10.0.0.0/8"] } },
    { NotIpAddress: { "aws:SourceIp": "192.0.2.128/25" } },
    { NumericLessThan: { "kms:RotationPeriodInDays": 100 }, Bool: { "aws:SecureTransport": "true" } },
    { NumericNotEquals: { "kms:RotationPeriodInDays": ["90", "365"] } },
    { DateGreaterThan: { "aws:CurrentTime": "2026-01-01T00:00:00Z" } },
    { ArnLike: { "aws:PrincipalArn": "arn:aws:iam::*:user/${aws:username}" } },
    { ArnNotEquals: { "aws:PrincipalArn": ["arn:aws:iam::*:user/a*", "arn:aws:iam::4*:user/*"] } },
  );
  const body = fc.record(
    { Effect: fc.constantFrom("Allow", "Allow", "Deny"), Condition: conditions },
    { requiredKeys: ["Effect"] },
  );
  const statement = fc.tuple(body, actions, resources).map((parts) => Object.assign({}, ...parts));
  const named = some("*", account, otherAccount, `arn:aws:iam::${account}:root`, ...arns).map((AWS) => ({ AWS }));
  const keyStatement = fc
    .tuple(statement, fc.oneof(fc.constant("*"), named), fc.boolean())
    .map(([s, principal, not]) => ({
      ...s,
      [not && s.Effect === "Deny" ? "NotPrincipal" : "Principal"]: principal,
    }));
  const policy = (of: fc.Arbitrary<object>) =>
    fc.array(of, { minLength: 1, maxLength: 4 }).map((list) => document(...list));
  const context = fc.record(
    {
      "kms:encryptioncontext:tenant": fc.constantFrom("a", "A", "alice", "bob", "*x", "ax"),
      "kms:encryptioncontextkeys": fc.subarray(["tenant", "department", "x"], { minLength: 1 }),
      "kms:rotationperiodindays": fc.constantFrom("90", "99.5", "365"),
      "aws:sourceip": fc.constantFrom("192.0.2.1", "192.0.2.200", "10.9.8.7", "203.0.113.1"),
      "aws:securetransport": fc.constantFrom("true", "false"),
      "aws:currenttime": fc.constantFrom("2025-12-31T23:59:59Z", "2026-06-01T12:00:00.000Z"),
    },
    { requiredKeys: [] },
  );
  const caller = fc
    .tuple(fc.constantFrom(account, account, otherAccount), fc.constantFrom(...names))
    .map(([owner, name]) => user(owner, name));
  const requests = fc.record({
    principal: caller,
    action: fc.constantFrom("kms:Encrypt", "kms:Decrypt", "kms:Sign"),
    resource: fc.constantFrom(keyArn, `arn:aws:kms:us-east-1:${account}:alias/alice`),
    owner: fc.constant(account),
    context,
    keyPolicy: fc.option(policy(keyStatement), { nil: undefined, freq: 5 }),
    identityPolicies: fc.array(policy(statement), { maxLength: 3 }),
  });
  const outcomes = { allowed: 0, denied: 0 };
  fc.assert(
    fc.property(requests, (request) => {
      const { principal } = request;
      const facts = {
        "aws:username": principal.name ?? "",
        "aws:principalaccount": principal.account,
        "aws:principalarn": principal.arn,
      };
      const whole = { ...request, context: { ...facts, ...request.context } };
      const { allowed, reason } = decide(whole);
      outcomes[allowed ? "allowed" : "denied"] += 1;
      expect([allowed, reason]).toEqual([slowlyAllowed(whole), reason]);
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(outcomes.allowed, outcomes.denied)).toBeGreaterThan(200);
});
