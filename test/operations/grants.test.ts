import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authorizer } from "../../src/access/evaluate.ts";
import type { Iam } from "../../src/access/iam.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { KmsError } from "../../src/base/errors.ts";
import { deleteDueKeys } from "../../src/kms/deletion.ts";
import { Kms } from "../../src/kms/kms.ts";
import { perform } from "../../src/operations/perform.ts";
import { operatorIam } from "../../src/operator.ts";
import type { Parts } from "../../src/service.ts";
import { newSite, type Site } from "../kms/premises.ts";

const account = "111122223333";
const otherAccount = "444455556666";
const region = "us-east-1";
const day = 86_400;

type Answer = Record<string, never> & {
  readonly GrantId: string;
  readonly GrantToken: string;
  readonly Grants: readonly { readonly GrantId: string; readonly [member: string]: unknown }[];
  readonly NextMarker?: string;
};
/** Performs one operation as a user. */
type Ask = (operation: string, request?: object) => Promise<Answer>;

const refused = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (error: KmsError) => error.code,
  );
const plaintext = btoa("plaintext");
const arnOf = (user: string, of = account): string => `arn:aws:iam::${of}:user/${user}`;
const rootOf = (of: string): string => `arn:aws:iam::${of}:root`;
const allow = (Action: string | readonly string[], Effect = "Allow"): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect, Action, Resource: "*" }] });

describe("grants", () => {
  let site: Site;
  let parts: Parts;
  let kms: Kms;
  let iam: Iam;
  /** `admin` may do everything in the account, `owner` in the other one; the rest has no policy at all. */
  let admin: Ask, alice: Ask, bob: Ask, owner: Ask, carol: Ask;

  const user = async (name: string, of: string, policy?: string): Promise<Ask> => {
    await iam.createUser(of, name);
    if (policy) await iam.putUserPolicy(of, name, "p", policy);
    const { accessKeyId } = await iam.createAccessKey(of, name);
    return async (operation, request = {}) => {
      parts.principals.forget();
      const key = await parts.principals.lookup(accessKeyId);
      if (!key) throw new Error("the access key is gone");
      const caller = { principal: key.principal, region, requestId: randomUUID(), address: "::1", userAgent: "test" };
      return (await perform(kms, operation, caller, utf8(JSON.stringify(request)))) as Answer;
    };
  };

  beforeAll(async () => {
    site = await newSite();
    parts = await site.open();
    kms = new Kms({ ...parts, regions: ["us-east-1"], authorizer, sink: parts.log, clock: site.clock });
    iam = operatorIam(parts, account, site.clock);
    admin = await user("admin", account, allow("*"));
    alice = await user("alice", account);
    bob = await user("bob", account);
    owner = await user("owner", otherAccount, allow("*"));
    carol = await user("carol", otherAccount);
  }, 60_000);
  afterAll(async () => {
    await parts.outbox.flush();
    await parts.close();
    site.remove();
  });

  const newKey = async (by = admin, spec: object = {}): Promise<string> =>
    ((await by("CreateKey", spec)) as unknown as { KeyMetadata: { Arn: string } }).KeyMetadata.Arn;
  const grant = (KeyId: string, Operations: readonly string[], more: object = {}, by = admin): Promise<Answer> =>
    by("CreateGrant", { KeyId, GranteePrincipal: arnOf("alice"), Operations, ...more });
  const encrypt = (by: Ask, KeyId: string, EncryptionContext?: object, more: object = {}) =>
    refused(by("Encrypt", { KeyId, Plaintext: plaintext, EncryptionContext, ...more }));
  const listed = async (KeyId: string, filter: object = {}): Promise<string[]> =>
    (await admin("ListGrants", { KeyId, ...filter })).Grants.map(({ GrantId }) => GrantId).sort();

  test("let their grantee do what they say, at once, and until they are revoked", async () => {
    const key = await newKey();
    expect(await encrypt(alice, key)).toBe("AccessDeniedException");
    const { GrantId, GrantToken } = await grant(key, ["Encrypt", "DescribeKey"]);
    expect(GrantId).toMatch(/^[0-9a-f]{64}$/);
    expect(await encrypt(alice, key)).toBe("answered");
    expect(await encrypt(alice, key, {}, { GrantTokens: [GrantToken] })).toBe("answered");
    expect(await refused(alice("DescribeKey", { KeyId: key }))).toBe("answered");
    expect(await refused(alice("GenerateDataKey", { KeyId: key, KeySpec: "AES_256" }))).toBe("AccessDeniedException");
    expect(await refused(alice("DisableKey", { KeyId: key }))).toBe("AccessDeniedException");
    expect(await encrypt(bob, key)).toBe("AccessDeniedException");
    await admin("RevokeGrant", { KeyId: key, GrantId });
    expect(await encrypt(alice, key)).toBe("AccessDeniedException");
    expect(await encrypt(admin, key, {}, { GrantTokens: [GrantToken] })).toBe("InvalidGrantTokenException");
  });

  test("open a ciphertext that names its key itself, and both ends of a ReEncrypt", async () => {
    const [from, to] = [await newKey(), await newKey()];
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: from, Plaintext: plaintext });
    const blob = { CiphertextBlob: Buffer.from(CiphertextBlob as never).toString("base64") };
    expect(await refused(alice("Decrypt", blob))).toBe("AccessDeniedException");
    await grant(from, ["Decrypt", "ReEncryptFrom"]);
    expect(await refused(alice("Decrypt", blob))).toBe("answered");
    expect(await refused(alice("ReEncrypt", { ...blob, DestinationKeyId: to }))).toBe("AccessDeniedException");
    await grant(to, ["ReEncryptTo"]);
    expect(await refused(alice("ReEncrypt", { ...blob, DestinationKeyId: to }))).toBe("answered");
  });

  test("never allow what a policy denies", async () => {
    const key = await newKey();
    await grant(key, ["Encrypt"], { GranteePrincipal: arnOf("bob") });
    expect(await encrypt(bob, key)).toBe("answered");
    await iam.putUserPolicy(account, "bob", "p", allow("kms:*", "Deny"));
    expect(await encrypt(bob, key)).toBe("AccessDeniedException");
    await iam.deleteUserPolicy(account, "bob", "p");
    const root = { Effect: "Allow", Principal: { AWS: rootOf(account) }, Action: "kms:*", Resource: "*" };
    const denial = { Effect: "Deny", Principal: { AWS: arnOf("bob") }, Action: "kms:Encrypt", Resource: "*" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [root, denial] });
    await admin("PutKeyPolicy", { KeyId: key, Policy });
    expect(await encrypt(bob, key)).toBe("AccessDeniedException");
  });

  test("hold an encryption context to their constraint", async () => {
    const [equals, subset] = [await newKey(), await newKey()];
    await grant(equals, ["Encrypt"], { Constraints: { EncryptionContextEquals: { Team: "it" } } });
    await grant(subset, ["Encrypt", "DescribeKey"], { Constraints: { EncryptionContextSubset: { Team: "it" } } });
    for (const key of [equals, subset]) {
      expect(await encrypt(alice, key)).toBe("AccessDeniedException");
      expect(await encrypt(alice, key, { Team: "IT" })).toBe("AccessDeniedException");
      expect(await encrypt(alice, key, { team: "it" })).toBe("answered");
    }
    expect(await encrypt(alice, equals, { Team: "it", more: "x" })).toBe("AccessDeniedException");
    expect(await encrypt(alice, subset, { Team: "it", more: "x" })).toBe("answered");
    expect(await refused(alice("DescribeKey", { KeyId: subset }))).toBe("answered");
  });

  test("reach into other accounts without a policy there, and are left to policies when they name an account", async () => {
    const key = await newKey();
    expect(await encrypt(carol, key)).toBe("AccessDeniedException");
    const { GrantId } = await grant(key, ["Encrypt"], { GranteePrincipal: arnOf("carol", otherAccount) });
    expect(await encrypt(carol, key)).toBe("answered");
    await admin("RevokeGrant", { KeyId: key, GrantId });
    await grant(key, ["Encrypt"], { GranteePrincipal: rootOf(otherAccount) });
    expect(await encrypt(carol, key)).toBe("AccessDeniedException");
    expect(await encrypt(owner, key)).toBe("answered");
  });

  test("make grants that allow no more than they do", async () => {
    const key = await newKey();
    const Constraints = { EncryptionContextSubset: { a: "1" } };
    await grant(key, ["Encrypt", "Decrypt", "CreateGrant"], { Constraints });
    const child = (Operations: readonly string[], constraints?: object) =>
      refused(grant(key, Operations, { GranteePrincipal: arnOf("bob"), Constraints: constraints }, alice));
    expect(await child(["Encrypt"])).toBe("AccessDeniedException");
    expect(await child(["Encrypt"], { EncryptionContextSubset: { b: "1" } })).toBe("AccessDeniedException");
    expect(await child(["Encrypt"], { EncryptionContextEquals: { b: "1" } })).toBe("AccessDeniedException");
    expect(await child(["GenerateDataKey"], Constraints)).toBe("AccessDeniedException");
    expect(await encrypt(bob, key, { a: "1", b: "2" })).toBe("AccessDeniedException");
    expect(await child(["Encrypt", "CreateGrant"], Constraints)).toBe("answered");
    expect(await child(["Decrypt"], { EncryptionContextEquals: { a: "1", b: "2" } })).toBe("answered");
    expect(await encrypt(bob, key, { a: "1", b: "2" })).toBe("answered");
    expect(await encrypt(bob, key)).toBe("AccessDeniedException");
  });

  test("on keys that are not symmetric allow what those can do, without an encryption context", async () => {
    const hmac = await newKey(admin, { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    const signing = await newKey(admin, { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const mac = { KeyId: hmac, Message: plaintext, MacAlgorithm: "HMAC_SHA_256" };
    const sign = { KeyId: signing, Message: plaintext, SigningAlgorithm: "ECDSA_SHA_256" };
    expect(await refused(alice("GenerateMac", mac))).toBe("AccessDeniedException");
    expect(await refused(alice("Sign", sign))).toBe("AccessDeniedException");
    const Constraints = { EncryptionContextSubset: { a: "1" } };
    expect(await refused(grant(hmac, ["GenerateMac"], { Constraints }))).toBe("ValidationException");
    expect(await refused(grant(signing, ["Sign"], { Constraints }))).toBe("ValidationException");
    expect(await refused(grant(hmac, ["Sign"]))).toBe("ValidationException");
    expect(await refused(grant(signing, ["Encrypt"]))).toBe("ValidationException");
    await grant(hmac, ["GenerateMac"]);
    await grant(signing, ["Sign", "GetPublicKey"]);
    expect(await refused(alice("GenerateMac", mac))).toBe("answered");
    expect(await refused(alice("Sign", sign))).toBe("answered");
    expect(await refused(alice("GetPublicKey", { KeyId: signing }))).toBe("answered");
  });

  test("are not inherited by a user who is made again under the name of a grantee", async () => {
    const key = await newKey();
    const dave = await user("dave", account);
    await grant(key, ["Encrypt"], { GranteePrincipal: arnOf("dave") });
    expect(await encrypt(dave, key)).toBe("answered");
    const [{ accessKeys } = { accessKeys: [] }] = (await iam.listUsers(account)).filter(({ name }) => name === "dave");
    for (const id of accessKeys) await iam.deleteAccessKey(id);
    await iam.deleteUser(account, "dave");
    expect(await encrypt(await user("dave", account), key)).toBe("AccessDeniedException");
  });

  describe("are made", () => {
    test("once for a name and its parameters, with a token of its own each time", async () => {
      const [key, another] = [await newKey(), await newKey()];
      const Name = "volume/1";
      const made = await Promise.all(Array.from({ length: 16 }, () => grant(key, ["Encrypt", "Decrypt"], { Name })));
      made.push(await grant(key, ["Decrypt", "Encrypt"], { Name }));
      const [first] = made as [Answer];
      expect(new Set(made.map(({ GrantId }) => GrantId)).size).toBe(1);
      expect(new Set(made.map(({ GrantToken }) => GrantToken)).size).toBe(made.length);
      expect(await listed(key)).toEqual([first.GrantId]);
      const GrantTokens = made.slice(0, 10).map(({ GrantToken }) => GrantToken);
      expect(await encrypt(alice, key, undefined, { GrantTokens })).toBe("answered");
      expect((await grant(key, ["Encrypt"], { Name })).GrantId).not.toBe(first.GrantId);
      expect((await grant(another, ["Encrypt", "Decrypt"], { Name })).GrantId).not.toBe(first.GrantId);
      await admin("RevokeGrant", { KeyId: key, GrantId: first.GrantId });
      expect((await grant(key, ["Encrypt", "Decrypt"], { Name })).GrantId).not.toBe(first.GrantId);
      const unnamed = [await grant(key, ["Encrypt"]), await grant(key, ["Encrypt"])];
      expect(unnamed[0]?.GrantId).not.toBe(unnamed[1]?.GrantId);
    });

    const service = { GranteePrincipal: undefined, GranteeServicePrincipal: "s3.amazonaws.com" };
    const SourceArn = "arn:aws:s3:us-east-1:111122223333:bucket";
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, "v"]));
    test.each([
      ["no grantee", { GranteePrincipal: undefined }, "ValidationException"],
      ["two grantees", { ...service, GranteePrincipal: arnOf("alice") }, "ValidationException"],
      ["a user who is not there", { GranteePrincipal: arnOf("nobody") }, "InvalidArnException"],
      ["a role", { GranteePrincipal: `arn:aws:iam::${account}:role/r` }, "InvalidArnException"],
      ["a retiring principal who is not there", { RetiringPrincipal: arnOf("nobody") }, "InvalidArnException"],
      [
        "two who may retire it",
        { RetiringPrincipal: arnOf("bob"), RetiringServicePrincipal: "s3.amazonaws.com" },
        "ValidationException",
      ],
      ["a service without a source ARN", { ...service, RetiringPrincipal: arnOf("bob") }, "ValidationException"],
      ["a service that nobody may retire", { ...service, Constraints: { SourceArn } }, "ValidationException"],
      [
        "a service",
        { ...service, Constraints: { SourceArn }, RetiringServicePrincipal: "s3.amazonaws.com" },
        "answered",
      ],
      ["no operation", { Operations: [] }, "ValidationException"],
      ["an operation that is none", { Operations: ["DisableKey"] }, "ValidationException"],
      ["an operation that the key cannot do", { Operations: ["Encrypt", "Sign"] }, "ValidationException"],
      ["a public key of a symmetric key", { Operations: ["GetPublicKey"] }, "ValidationException"],
      [
        "two encryption contexts",
        { Constraints: { EncryptionContextEquals: {}, EncryptionContextSubset: {} } },
        "ValidationException",
      ],
      ["nine pairs", { Constraints: { EncryptionContextEquals: nine } }, "ValidationException"],
      ["a long value", { Constraints: { EncryptionContextSubset: { k: "v".repeat(385) } } }, "ValidationException"],
      ["the longest value", { Constraints: { EncryptionContextSubset: { k: "v".repeat(384) } } }, "answered"],
      ["eleven tokens", { GrantTokens: Array(11).fill("a") }, "ValidationException"],
      ["a token that is none", { GrantTokens: ["AAAA"] }, "InvalidGrantTokenException"],
      ["a token that is no base64", { GrantTokens: ["!"] }, "InvalidGrantTokenException"],
      ["a name with a space", { Name: "a b" }, "ValidationException"],
      ["a dry run", { DryRun: true }, "DryRunOperationException"],
    ])("or refused: %s", async (_what, given, code) => {
      const key = await newKey();
      expect(await refused(grant(key, ["Encrypt"], given))).toBe(code);
      expect((await listed(key)).length).toBe(code === "answered" ? 1 : 0);
    });

    test("by whom a key policy's conditions let make them", async () => {
      const key = await newKey();
      const conditions = {
        "ForAllValues:StringEquals": { "kms:GrantOperations": ["Encrypt", "Decrypt"] },
        StringEquals: {
          "kms:GranteePrincipal": arnOf("alice"),
          "kms:RetiringPrincipal": arnOf("bob"),
          "kms:GrantConstraintType": "EncryptionContextSubset",
          "kms:EncryptionContext:team": "it",
        },
        Bool: { "kms:GrantIsForAWSResource": "false" },
      };
      const root = { Effect: "Allow", Principal: { AWS: rootOf(account) }, Action: "kms:*", Resource: "*" };
      const given = { Principal: { AWS: arnOf("bob") }, Action: "kms:CreateGrant", Condition: conditions };
      const Statement = [root, { Effect: "Allow", Resource: "*", ...given }];
      await admin("PutKeyPolicy", { KeyId: key, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
      const good = {
        RetiringPrincipal: arnOf("bob"),
        Constraints: { EncryptionContextSubset: { team: "it" } },
      };
      const asked = (operations: readonly string[], more: object) =>
        refused(grant(key, operations, { ...good, ...more }, bob));
      expect(await asked(["Encrypt"], {})).toBe("answered");
      expect(await asked(["Encrypt", "CreateGrant"], {})).toBe("AccessDeniedException");
      expect(await asked(["Encrypt"], { GranteePrincipal: arnOf("bob") })).toBe("AccessDeniedException");
      expect(await asked(["Encrypt"], { RetiringPrincipal: undefined })).toBe("AccessDeniedException");
      expect(await asked(["Encrypt"], { Constraints: { EncryptionContextEquals: { team: "it" } } })).toBe(
        "AccessDeniedException",
      );
      expect(await asked(["Encrypt"], { Constraints: { EncryptionContextSubset: { team: "hr" } } })).toBe(
        "AccessDeniedException",
      );
    });

    test("on no key that is disabled or goes", async () => {
      const key = await newKey();
      await admin("DisableKey", { KeyId: key });
      expect(await refused(grant(key, ["Encrypt"]))).toBe("DisabledException");
      await admin("ScheduleKeyDeletion", { KeyId: key });
      expect(await refused(grant(key, ["Encrypt"]))).toBe("KMSInvalidStateException");
    });
  });

  describe("are listed", () => {
    test("with all that they say, by id, by grantee and by service", async () => {
      const key = await newKey();
      const Constraints = { EncryptionContextEquals: { team: "it" } };
      const full = await grant(key, ["Encrypt"], { Name: "n", Constraints, RetiringPrincipal: arnOf("bob") });
      const bare = await grant(key, ["Decrypt"], { GranteePrincipal: arnOf("bob") });
      const service = await grant(key, ["Decrypt"], {
        GranteePrincipal: undefined,
        GranteeServicePrincipal: "s3.amazonaws.com",
        RetiringPrincipal: arnOf("bob"),
        Constraints: { SourceArn: "arn:aws:s3:us-east-1:111122223333:bucket" },
      });
      const one = await admin("ListGrants", { KeyId: key, GrantId: full.GrantId });
      expect(one.Grants).toEqual([
        {
          KeyId: key,
          GrantId: full.GrantId,
          Name: "n",
          CreationDate: expect.any(Date),
          GranteePrincipal: arnOf("alice"),
          RetiringPrincipal: arnOf("bob"),
          IssuingAccount: rootOf(account),
          Operations: ["Encrypt"],
          Constraints,
        },
      ]);
      expect(await listed(key)).toEqual([full, bare, service].map(({ GrantId }) => GrantId).sort());
      expect(await listed(key, { GranteePrincipal: arnOf("bob") })).toEqual([bare.GrantId]);
      expect(await refused(listed(key, { GranteeServicePrincipal: "s3.amazonaws.com" }))).toBe("ValidationException");
      expect(await listed(key, { GrantId: bare.GrantId, GranteePrincipal: arnOf("alice") })).toEqual([]);
      expect(await listed(key, { GrantId: "0".repeat(64) })).toEqual([]);
      expect(await listed(await newKey(), { GrantId: bare.GrantId })).toEqual([]);
      expect(await refused(listed(key, { GrantId: "x" }))).toBe("InvalidGrantIdException");
    });

    test("page by page, each once", async () => {
      const key = await newKey();
      const made = await Promise.all(
        Array.from({ length: 7 }, () => grant(key, ["Encrypt"], { RetiringPrincipal: arnOf("carol", otherAccount) })),
      );
      const lists: [string, object, Ask][] = [
        ["ListGrants", { KeyId: key }, admin],
        ["ListGrants", { KeyId: key, GranteePrincipal: arnOf("alice") }, admin],
        ["ListRetirableGrants", { RetiringPrincipal: arnOf("carol", otherAccount) }, owner],
      ];
      for (const [operation, request, by] of lists) {
        const seen: string[] = [];
        let Marker: string | undefined;
        do {
          const page = await by(operation, { ...request, Limit: 3, Marker });
          expect(page.Grants.length).toBeLessThanOrEqual(3);
          seen.push(...page.Grants.map(({ GrantId }) => GrantId));
          Marker = page.NextMarker;
        } while (Marker);
        expect(seen.sort()).toEqual(made.map(({ GrantId }) => GrantId).sort());
      }
      expect(await refused(listed(key, { Limit: 101 }))).toBe("ValidationException");
      expect(await refused(listed(key, { Marker: "AAAA" }))).toBe("InvalidMarkerException");
    });

    test("to an account for those of its principals who may retire them", async () => {
      const keys = [await newKey(), await newKey()];
      const by = { RetiringPrincipal: arnOf("bob") };
      const before = (await admin("ListRetirableGrants", by)).Grants.length;
      for (const key of keys) await grant(key, ["Encrypt"], by);
      const { Grants } = await admin("ListRetirableGrants", by);
      expect(Grants.length).toBe(before + 2);
      expect(Grants.map(({ KeyId }) => KeyId)).toEqual(expect.arrayContaining(keys));
      expect(await refused(owner("ListRetirableGrants", by))).toBe("AccessDeniedException");
      expect(await refused(bob("ListRetirableGrants", by))).toBe("AccessDeniedException");
      expect(await refused(admin("ListRetirableGrants"))).toBe("ValidationException");
      expect(await refused(admin("ListRetirableGrants", { RetiringPrincipal: "bob" }))).toBe("InvalidArnException");
    });
  });

  describe("are retired", () => {
    test("by whom they name, by token or by id", async () => {
      const key = await newKey();
      const more = { RetiringPrincipal: arnOf("bob") };
      const [first, second] = [await grant(key, ["Encrypt"], more), await grant(key, ["Encrypt"], more)];
      expect(await refused(alice("RetireGrant", { GrantToken: first.GrantToken }))).toBe("AccessDeniedException");
      const dry = { GrantToken: first.GrantToken, DryRun: true };
      expect(await refused(bob("RetireGrant", dry))).toBe("DryRunOperationException");
      await bob("RetireGrant", { GrantToken: first.GrantToken });
      expect(await refused(bob("RetireGrant", { GrantToken: first.GrantToken }))).toBe("InvalidGrantTokenException");
      await bob("RetireGrant", { KeyId: key, GrantId: second.GrantId });
      expect(await listed(key)).toEqual([]);
    });

    test("by a grantee who may, and by no other", async () => {
      const key = await newKey();
      const { GrantId } = await grant(key, ["Encrypt"]);
      expect(await refused(alice("RetireGrant", { KeyId: key, GrantId }))).toBe("AccessDeniedException");
      const may = await grant(key, ["Encrypt", "RetireGrant"]);
      await alice("RetireGrant", { KeyId: key, GrantId: may.GrantId });
      expect(await listed(key)).toEqual([GrantId]);
    });

    test("in the name of the account that made them, whatever the key policy says", async () => {
      const key = await newKey(owner);
      const root = { Effect: "Allow", Principal: { AWS: rootOf(otherAccount) }, Action: "kms:*", Resource: "*" };
      const given = { Effect: "Allow", Principal: { AWS: arnOf("admin") }, Action: "kms:CreateGrant", Resource: "*" };
      const retire = { ...given, Principal: { AWS: arnOf("bob") }, Action: "kms:RetireGrant" };
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [root, given, retire] });
      await owner("PutKeyPolicy", { KeyId: key, Policy });
      const { GrantId } = await grant(key, ["Encrypt"]);
      const it = { KeyId: key, GrantId };
      expect(await refused(bob("RetireGrant", it))).toBe("AccessDeniedException");
      expect(await refused(owner("RetireGrant", it))).toBe("AccessDeniedException");
      expect(await refused(admin("RetireGrant", it))).toBe("answered");
      expect(await refused(owner("RetireGrant", it))).toBe("NotFoundException");
    });

    test("by nobody to whom a policy denies it", async () => {
      const key = await newKey();
      const erin = await user("erin", account, allow("kms:RetireGrant", "Deny"));
      const { GrantToken } = await grant(key, ["Encrypt"], { RetiringPrincipal: arnOf("erin") });
      expect(await refused(erin("RetireGrant", { GrantToken }))).toBe("AccessDeniedException");
    });

    test("with words that tell a stranger nothing", async () => {
      const key = await newKey();
      const { GrantId } = await grant(key, ["Encrypt"]);
      const ask = (KeyId: string, id: string, by: Ask) =>
        by("RetireGrant", { KeyId, GrantId: id }).catch((error: Error) => error.message);
      const absent = key.replace(/[^/]+$/, "1234abcd-12ab-34cd-56ef-1234567890ab");
      for (const by of [bob, carol, owner]) {
        const there = await ask(key, GrantId, by);
        expect(there).toContain("is not authorized to perform: kms:RetireGrant");
        expect(await ask(key, "0".repeat(64), by)).toBe(there);
        expect(await ask(absent, GrantId, by)).toBe(`${there}`.replace(key, absent));
      }
    });

    test("or not at all, when the request is not one", async () => {
      const key = await newKey();
      const { GrantId, GrantToken } = await grant(key, ["Encrypt"]);
      const bad: [object, string][] = [
        [{}, "ValidationException"],
        [{ KeyId: key }, "ValidationException"],
        [{ GrantId }, "ValidationException"],
        [{ KeyId: key, GrantId, GrantToken }, "ValidationException"],
        [{ KeyId: "alias/a", GrantId }, "InvalidArnException"],
        [{ KeyId: key, GrantId: "x" }, "InvalidGrantIdException"],
        [{ KeyId: key, GrantId: "0".repeat(64) }, "NotFoundException"],
        [{ GrantToken: GrantToken.replace(/^..../, "AAAA") }, "InvalidGrantTokenException"],
      ];
      for (const [request, code] of bad)
        expect([request, await refused(admin("RetireGrant", request))]).toEqual([request, code]);
      expect(await refused(admin("RevokeGrant", { KeyId: key, GrantId: "x" }))).toBe("InvalidGrantIdException");
      expect(await refused(admin("RevokeGrant", { KeyId: key, GrantId: "0".repeat(64) }))).toBe("NotFoundException");
      expect(await refused(admin("RevokeGrant", { KeyId: key, GrantId, DryRun: true }))).toBe(
        "DryRunOperationException",
      );
      expect(await listed(key)).toEqual([GrantId]);
    });
  });

  test("go with their key", async () => {
    const key = await newKey();
    const more = { Name: "n", RetiringPrincipal: arnOf("bob") };
    const grants = await Promise.all(
      Array.from({ length: 70 }, (_, i) => grant(key, ["Encrypt"], { ...more, Name: `n${i}` })),
    );
    await admin("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7 });
    site.clock.advance(8 * day * 1000);
    const GrantToken = grants[0]?.GrantToken;
    expect(await refused(bob("RetireGrant", { GrantToken }))).toBe("InvalidGrantTokenException");
    expect(await deleteDueKeys({ ...parts, clock: site.clock, forget: kms.forget })).toBe(1);
    const id = key.split("/")[1] as string;
    for (const prefix of ["grant", "grantee", "grant-name"]) {
      expect(await parts.store.list(`${prefix}/${account}/${region}/${id}/`)).toEqual([]);
    }
    const retirable = await admin("ListRetirableGrants", { RetiringPrincipal: arnOf("bob"), Limit: 100 });
    expect(retirable.Grants.map(({ KeyId }) => KeyId)).not.toContain(key);
    expect(await encrypt(alice, key)).toBe("AccessDeniedException");
  });
});
