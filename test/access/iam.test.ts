import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Iam } from "../../src/access/iam.ts";
import { changeAccessKeys, Principals } from "../../src/access/principals.ts";
import { type AuditLog, openAuditLog } from "../../src/audit/log.ts";
import { Outbox } from "../../src/audit/outbox.ts";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { KmsError, StoreError } from "../../src/base/errors.ts";
import type { HsmSet } from "../../src/hsm/hsm-set.ts";
import { type HsmAdmin, openHsmAdmin } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import { actor } from "../audit/actor.ts";
import { Home } from "../store/home.ts";
import { account, document, otherAccount } from "./documents.ts";

let home: Home;
let hsms: HsmSet;
let admin: HsmAdmin;
let store: SealedStore;
let log: AuditLog;
let outbox: Outbox;
let principals: Principals;
let iam: Iam;
/** A user that no other test has. */
let name: string;
let users = 0;

const directory = () => join(home.folder, "audit");
const parts = (over: Principals = principals) => ({
  store,
  hsms,
  outbox,
  principals: over,
  clock: systemClock,
  actor,
  domainExpectation: async () => ({ path: "setting/domain", revision: 0 }),
});

beforeAll(async () => {
  home = await Home.make();
  hsms = await home.hsms();
  admin = await openHsmAdmin(home.hsmConfig);
  store = await home.open();
  log = await openAuditLog(directory(), "server", { minimumFree: 0, ballast: 4096 });
  outbox = new Outbox(store, log);
  principals = new Principals(store, hsms);
  iam = new Iam(parts());
});
afterAll(async () => {
  await outbox.flush();
  for (const part of [store, log, hsms, admin]) await part.close();
  home.dispose();
});
beforeEach(async () => {
  name = `user-${++users}`;
  await iam.createUser(account, name);
});

const refusal = async (change: Promise<unknown>): Promise<string> => {
  const error = await change.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof KmsError)) throw new Error("was not refused by a KmsError", { cause: error });
  return error.code;
};
const lastEvent = () =>
  JSON.parse(readFileSync(join(directory(), "server.jsonl"), "utf8").trimEnd().split("\n").at(-1) ?? "");
/** Past `Iam`, as an older version or a restored record might. */
async function replaceUser(change: (user: object) => object): Promise<void> {
  const path = `principal/${account}/${name}`;
  const stored = await store.get(path);
  const value = utf8(JSON.stringify(change(JSON.parse(fromUtf8(stored?.value ?? new Uint8Array())))));
  await store.commit([{ path, value, revision: stored?.revision ?? 0 }]);
  principals.forget();
}
const allow = (Action: string) => document({ Effect: "Allow", Action, Resource: "*" });
const kDate = (secret: string, date: string) => createHmac("sha256", `AWS4${secret}`).update(date).digest("hex");

describe("a user", () => {
  test("has an id of its own, and is listed under its account alone", async () => {
    const other = await iam.createUser(otherAccount, name);
    const mine = (await iam.listUsers(account)).find((user) => user.name === name);
    expect(other.id).toMatch(/^AIDA[A-Z2-7]{16}$/);
    expect(mine?.id).not.toBe(other.id);
    expect((await iam.listUsers(otherAccount)).map((user) => user.name)).toContain(name);
    expect(await iam.listUsers("999999999999")).toEqual([]);
  });

  test("is there once, under a name and in an account that are well-formed", async () => {
    expect(await refusal(iam.createUser(account, name))).toBe("AlreadyExistsException");
    for (const bad of ["", "a b", "a/b", "é", "x".repeat(65)]) {
      expect(await refusal(iam.createUser(account, bad))).toBe("ValidationException");
    }
    expect(await refusal(iam.createUser("12", "x"))).toBe("ValidationException");
  });

  test("goes when it has no access keys any more", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    expect(await refusal(iam.deleteUser(account, name))).toBe("ConflictException");
    await iam.deleteAccessKey(accessKeyId);
    await iam.deleteUser(account, name);
    expect(await refusal(iam.deleteUser(account, name))).toBe("NotFoundException");
  });

  test("has an id as a principal, and its account's root with it; roles and strangers do not", async () => {
    const arn = `arn:aws:iam::${account}:user/${name}`;
    expect(await principals.idOf(arn)).toMatch(/^AIDA/);
    expect(await principals.idOf(`arn:aws:iam::${account}:root`)).toBe(account);
    const strangers = [
      `${arn}x`,
      `arn:aws:iam::${account}:role/${name}`,
      "arn:aws:iam::999999999999:root",
      "x",
      `arn:aws:iam::${account}:user/`,
    ];
    for (const stranger of strangers) expect(await principals.idOf(stranger)).toBeUndefined();
  });
});

describe("an access key", () => {
  test("is random, and its secret is known to the HSM alone from then on", async () => {
    const { accessKeyId, secretAccessKey } = await iam.createAccessKey(account, name);
    expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    const key = await principals.lookup(accessKeyId);
    expect(key).toMatchObject({
      active: true,
      principal: { type: "IAMUser", account, name, arn: `arn:aws:iam::${account}:user/${name}`, accessKeyId },
    });
    expect((await key?.kDate("20261122"))?.toHex()).toBe(kDate(secretAccessKey, "20261122"));
    expect(JSON.stringify(await iam.listAccessKeys(account, name))).not.toContain("ekt");
    expect(readFileSync(join(directory(), "server.jsonl"), "utf8")).not.toContain(secretAccessKey);
  });

  test("may be given, for development", async () => {
    const given = { id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
    await iam.createAccessKey(account, name, given);
    const key = await principals.lookup(given.id);
    expect((await key?.kDate("20150830"))?.toHex()).toBe(kDate(given.secret, "20150830"));
    const other = await iam.createUser(account, `${name}-other`);
    expect(await refusal(iam.createAccessKey(account, other.name, given))).toBe("AlreadyExistsException");
    for (const bad of [
      { ...given, id: "no" },
      { ...given, id: "with space" },
      { ...given, secret: "abc" },
      { ...given, secret: "ü".repeat(40) },
    ]) {
      expect(await refusal(iam.createAccessKey(account, other.name, bad))).toBe("ValidationException");
    }
  });

  test("is one of two at most", async () => {
    await iam.createAccessKey(account, name);
    const { accessKeyId } = await iam.createAccessKey(account, name);
    expect(await refusal(iam.createAccessKey(account, name))).toBe("LimitExceededException");
    await iam.deleteAccessKey(accessKeyId);
    await iam.createAccessKey(account, name);
    expect(await iam.listAccessKeys(account, name)).toHaveLength(2);
  });

  test("can be made inactive and active again, which changes its revision", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    const before = await principals.lookup(accessKeyId);
    await iam.setAccessKeyActive(accessKeyId, false);
    const inactive = await principals.lookup(accessKeyId);
    expect([before?.active, inactive?.active]).toEqual([true, false]);
    expect(inactive?.revision).toBeGreaterThan(before?.revision ?? 0);
    await iam.setAccessKeyActive(accessKeyId, true);
    expect((await principals.lookup(accessKeyId))?.active).toBe(true);
  });

  test("is not found once it is deleted, nor is one that never was", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    expect(await principals.lookup(accessKeyId)).toBeDefined();
    await iam.deleteAccessKey(accessKeyId);
    for (const id of [accessKeyId, "AKIAAAAAAAAAAAAAAAAA", "short", "", "AKIA/../../x/\ud800aaaa"]) {
      expect(await principals.lookup(id)).toBeUndefined();
    }
    expect(await refusal(iam.deleteAccessKey(accessKeyId))).toBe("NotFoundException");
  });

  test("is found as soon as it is made, though it was asked for before", async () => {
    const given = { id: "AKIAASKEDFORBEFOREIT", secret: "x".repeat(40) };
    expect(await principals.lookup(given.id)).toBeUndefined();
    await iam.createAccessKey(account, name, given);
    expect(await principals.lookup(given.id)).toBeDefined();
  });

  test("serves none but the user whom it was made for", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    await replaceUser((user) => ({ ...user, id: "AIDASOMEBODYELSEAAAA" }));
    expect(await principals.lookup(accessKeyId)).toBeUndefined();
  });

  test("is not made while a domain key is being changed", async () => {
    const moved = new Iam({ ...parts(), domainExpectation: async () => ({ path: "setting/domain", revision: 7 }) });
    await expect(moved.createAccessKey(account, name)).rejects.toThrow(StoreError);
    expect(await iam.listAccessKeys(account, name)).toEqual([]);
  });
});

describe("an identity policy", () => {
  test("is compiled when it is put, and attached to every key of its user", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    expect((await principals.lookup(accessKeyId))?.principal.policies).toEqual([]);
    await iam.putUserPolicy(account, name, "use", allow("kms:Encrypt"));
    await iam.putUserPolicy(account, name, "use", allow("kms:Decrypt"));
    await iam.putUserPolicy(account, name, "more", allow("kms:Sign"));
    const attached = (await principals.lookup(accessKeyId))?.principal.policies;
    expect(attached?.map((policy) => policy.statements[0]?.label)).toEqual([
      "identity policy use, statement 1",
      "identity policy more, statement 1",
    ]);
    expect(await iam.userPolicies(account, name)).toEqual({ use: allow("kms:Decrypt"), more: allow("kms:Sign") });
    await iam.deleteUserPolicy(account, name, "use");
    expect((await principals.lookup(accessKeyId))?.principal.policies).toHaveLength(1);
    for (const absent of ["use", "constructor"]) {
      expect(await refusal(iam.deleteUserPolicy(account, name, absent))).toBe("NotFoundException");
    }
  });

  test("that is malformed changes nothing", async () => {
    const events = log.sequence;
    expect(await refusal(iam.putUserPolicy(account, name, "bad", allow("kms:Encyrpt")))).toBe(
      "MalformedPolicyDocumentException",
    );
    expect(await refusal(iam.putUserPolicy(account, name, "a/b", allow("kms:*")))).toBe("ValidationException");
    expect(await refusal(iam.putUserPolicy(account, "nobody", "use", allow("kms:*")))).toBe("NotFoundException");
    expect([await iam.userPolicies(account, name), log.sequence]).toEqual([{}, events]);
  });

  test("that does not compile any more shuts its user out", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    await replaceUser((user) => ({ ...user, policies: { old: allow("kms:Gone") } }));
    await expect(principals.lookup(accessKeyId)).rejects.toThrow(/identity policy old of .* does not compile/);
  });
});

describe("what is cached", () => {
  test("is the same object for as long as nothing that concerns it has changed", async () => {
    const { accessKeyId } = await iam.createAccessKey(account, name);
    const key = await principals.lookup(accessKeyId);
    const all = await Promise.all(Array.from({ length: 8 }, () => principals.lookup(accessKeyId)));
    expect(all.every((found) => found === key)).toBe(true);
    await iam.createUser(account, `${name}-other`);
    expect(await principals.lookup(accessKeyId)).toBe(key);
    await iam.putUserPolicy(account, name, "use", allow("kms:*"));
    expect(await principals.lookup(accessKeyId)).not.toBe(key);
  });

  test("follows the commits of other processes", async () => {
    const otherStore = await home.open({ create: false });
    try {
      const elsewhere = new Principals(otherStore, hsms);
      const { accessKeyId } = await iam.createAccessKey(account, name);
      expect((await elsewhere.lookup(accessKeyId))?.active).toBe(true);
      await iam.setAccessKeyActive(accessKeyId, false);
      expect((await elsewhere.lookup(accessKeyId))?.active).toBe(false);
      await iam.deleteAccessKey(accessKeyId);
      expect(await elsewhere.lookup(accessKeyId)).toBeUndefined();
    } finally {
      await otherStore.close();
    }
  });

  test("is not a deleted user's for one who is made again under the name", async () => {
    const given = { id: "AKIASAMEIDTWICEINAROW", secret: "x".repeat(40) };
    await iam.createAccessKey(account, name, given);
    const before = await principals.lookup(given.id);
    await iam.deleteAccessKey(given.id);
    await iam.deleteUser(account, name);
    await iam.createUser(account, name);
    await iam.createAccessKey(account, name, { ...given, secret: "y".repeat(40) });
    const after = await principals.lookup(given.id);
    expect(after?.principal.id).not.toBe(before?.principal.id);
    expect((await after?.kDate("20261122"))?.toHex()).toBe(kDate("y".repeat(40), "20261122"));
  });
});

test("every change is one event of the chain, with who made it", async () => {
  await iam.putUserPolicy(account, name, "use", allow("kms:*"));
  expect(lastEvent()).toMatchObject({
    eventSource: "iam.amazonaws.com",
    eventName: "PutUserPolicy",
    readOnly: false,
    userIdentity: { arn: actor.principal.arn },
    requestParameters: { userName: name, policyName: "use", policyDocument: allow("kms:*") },
  });
  const { accessKeyId } = await iam.createAccessKey(account, name);
  expect(lastEvent()).toMatchObject({
    eventName: "CreateAccessKey",
    responseElements: { accessKey: { userName: name, accessKeyId, status: "Active" } },
  });
});

test("access keys are rewrapped one by one, and sign as before", async () => {
  const { accessKeyId, secretAccessKey } = await iam.createAccessKey(account, name);
  const id = await admin.addDomainKey();
  await admin.activateDomainKey(id);
  await hsms.primary.hsm.reload();
  const under = async () => {
    const domainKeys = new Set<string>();
    await changeAccessKeys(store, async (tokens) => {
      for (const ekt of tokens) domainKeys.add(parseEkt(ekt).domainKeyId.toHex());
      return tokens;
    });
    return domainKeys;
  };
  expect(await under()).not.toContain(id);
  await changeAccessKeys(store, async ([ekt]) => [await admin.rewrap(ekt)]);
  principals.forget();
  expect([...(await under())]).toEqual([id]);
  const key = await principals.lookup(accessKeyId);
  expect((await key?.kDate("20261122"))?.toHex()).toBe(kDate(secretAccessKey, "20261122"));
});
