import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authorizer } from "../../src/access/evaluate.ts";
import { fromBase64, fromUtf8, hex, utf8 } from "../../src/base/bytes.ts";
import type { Ekt } from "../../src/hsm/hsm.ts";
import { openHsmAdmin } from "../../src/hsm/index.ts";
import { destroyedEverywhere } from "../../src/hsm/shared-domain.ts";
import { buryTombstones, deleteDueKeys } from "../../src/kms/deletion.ts";
import { Kms } from "../../src/kms/kms.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { HbkRecord } from "../../src/model/key.ts";
import { perform } from "../../src/operations/perform.ts";
import { operatorIam } from "../../src/operator.ts";
import type { Parts } from "../../src/service.ts";
import { newSite, type Site } from "./premises.ts";

const account = "111122223333";
const day = 86_400_000;

describe("domain keys", () => {
  let site: Site;
  let parts: Parts;
  let kms: Kms;

  beforeEach(async () => {
    site = await newSite();
    await open();
  });

  afterEach(async () => {
    await parts.close();
    site.remove();
  });

  async function open(): Promise<void> {
    parts = await site.open();
    kms = new Kms({ ...parts, regions: ["us-east-1"], authorizer, sink: parts.log, clock: site.clock });
    await site.domainKeys(parts).adopt();
  }

  /** An operation as the root of the account. */
  async function call(operation: string, request: object): Promise<Record<string, unknown>> {
    const arn = `arn:aws:iam::${account}:root`;
    const principal = { type: "Root", account, arn, id: account, accessKeyId: "none", policies: [] } as const;
    const caller = { principal, region: "us-east-1", requestId: "r", address: "127.0.0.1", userAgent: "test" };
    return (await perform(kms, operation, caller, utf8(JSON.stringify(request)))) ?? {};
  }

  const newKey = async (): Promise<string> =>
    (
      (await call("CreateKey", { Policy: openPolicy, BypassPolicyLockoutSafetyCheck: true }))["KeyMetadata"] as {
        KeyId: string;
      }
    ).KeyId;

  const encrypt = async (KeyId: string): Promise<string> =>
    ((await call("Encrypt", { KeyId, Plaintext: "AQID" }))["CiphertextBlob"] as Uint8Array).toBase64();

  const decrypt = async (CiphertextBlob: string): Promise<Uint8Array> =>
    (await call("Decrypt", { CiphertextBlob }))["Plaintext"] as Uint8Array;

  /** The domain keys that tokens of HBKs are under. */
  async function inUse(): Promise<Set<string>> {
    const stored = await parts.store.list("hbk/");
    return new Set(
      stored.map(({ value }) => {
        const record = JSON.parse(fromUtf8(value)) as HbkRecord;
        return hex(parseEkt(fromBase64(record.ekt) as Ekt).domainKeyId);
      }),
    );
  }

  const states = async (): Promise<readonly string[]> => {
    const admin = await openHsmAdmin(site.hsm);
    const keys = await admin.domainKeys();
    await admin.close();
    return keys.map(({ state }) => state);
  };

  it("rotate: every token is wrapped anew, and old ciphertexts open", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, newKey));
    const blobs = await Promise.all(keys.map(encrypt));
    const before = await inUse();
    const domainKeys = site.domainKeys(parts);
    const active = await domainKeys.rotate();
    expect(before).not.toContain(active);
    for (const blob of blobs) expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await domainKeys.rewrap()).toBe(20);
    expect(await inUse()).toEqual(new Set([active]));
    for (const blob of blobs) expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await domainKeys.rewrap()).toBe(0);
    await parts.close();
    await open();
    for (const blob of blobs) expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("rewrap what a crash has left, and take up a domain key that it left readable", async () => {
    const key = await newKey();
    const blob = await encrypt(key);
    const admin = await openHsmAdmin(site.hsm);
    const left = await admin.addDomainKey();
    await admin.close();
    const domainKeys = site.domainKeys(parts);
    expect(await domainKeys.rotate()).toBe(left);
    await parts.close();
    await open();
    expect(await site.domainKeys(parts).rewrap()).toBe(1);
    expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("are rewrapped while keys are made and used, and lose none", async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, newKey));
    const blobs: Promise<string>[] = [];
    const domainKeys = site.domainKeys(parts);
    for (let round = 0; round < 3; round++) {
      const load = Array.from({ length: 10 }, async (_, i) => {
        blobs.push(encrypt(keys[i] as string));
        blobs.push(newKey().then(encrypt));
      });
      await Promise.all([domainKeys.rotate().then(() => domainKeys.rewrap()), ...load]);
    }
    await domainKeys.rewrap();
    expect((await inUse()).size).toBe(1);
    for (const blob of await Promise.all(blobs)) expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("go through unwrap-only and quarantine before they are destroyed, each when nothing needs them", async () => {
    const blob = await encrypt(await newKey());
    const domainKeys = site.domainKeys(parts);
    await domainKeys.rotate();
    site.clock.advance(26 * 3_600_000);
    await domainKeys.retire();
    expect(await states()).toEqual(["unwrap-only", "active"]);
    await domainKeys.rewrap();
    await domainKeys.retire();
    expect(await states()).toEqual(["quarantined", "active"]);
    site.clock.advance(5 * day);
    await domainKeys.retire();
    expect(await states()).toEqual(["quarantined", "active"]);
    site.clock.advance(2 * day);
    await domainKeys.retire();
    expect(await states()).toEqual(["destroyed", "active"]);
    expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("rewrap the store's own keys and the access keys, too", async () => {
    const iam = operatorIam(parts, account, site.clock);
    await iam.createUser(account, "user");
    const { accessKeyId } = await iam.createAccessKey(account, "user");
    const kDate = async () =>
      hex((await (await parts.principals.lookup(accessKeyId))?.kDate("20261122")) as Uint8Array);
    const before = await kDate();
    const domainKeys = site.domainKeys(parts);
    await domainKeys.rotate();
    await domainKeys.rewrap();
    site.clock.advance(9 * day);
    await domainKeys.retire();
    site.clock.advance(9 * day);
    await domainKeys.retire();
    expect(await states()).toEqual(["destroyed", "active"]);
    await parts.close();
    await open();
    expect(await kDate()).toBe(before);
  });

  it("end a deleted key's material: the event says from when it cannot be recovered", async () => {
    const KeyId = await newKey();
    await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
    const deletion = { store: parts.store, clock: site.clock, outbox: parts.outbox, forget: kms.forget };
    expect(await deleteDueKeys(deletion)).toBe(0);
    site.clock.advance(7 * day);
    expect(await deleteDueKeys(deletion)).toBe(1);
    expect(await parts.store.list("hbk/")).toEqual([]);
    const domainKeys = site.domainKeys(parts);
    await buryTombstones(deletion, destroyedEverywhere([await domainKeys.retire()]));
    const told = ["ActivateDomainKey", "CreateKey", "ScheduleKeyDeletion", "DeleteKey"];
    expect(events()).toEqual(told);
    await domainKeys.rotate();
    await domainKeys.rewrap();
    for (let i = 0; i < 2; i++) {
      site.clock.advance(8 * day);
      await buryTombstones(deletion, destroyedEverywhere([await domainKeys.retire()]));
    }
    expect(events()).toEqual([...told, "ActivateDomainKey", "DeleteKeyMaterial"]);
  });

  const events = (): readonly string[] =>
    readFileSync(join(site.premises.audit.directory, "service.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { eventName: string }).eventName);
});

const openPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" }],
});
