import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { HsmError } from "../../src/base/errors.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import {
  type ConfiguredHsm,
  type Ekt,
  type HsmAdmin,
  initHsm,
  openHsmAdmin,
  type SoftConfig,
} from "../../src/hsm/index.ts";
import { aad, algorithm, expectHsmError, hbkIdOf, metaOf } from "../conformance/hsm-fixture.ts";

let folder: string;
let configured: readonly (ConfiguredHsm & { hsm: SoftConfig })[];
let hsms: HsmSet;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hsm-set-"));
  configured = ["one", "two"].map((name) => {
    const directory = join(folder, name);
    return { name, hsm: { driver: "soft", directory, keyFile: `${directory}.key`, engine: "node" } };
  });
  for (const { hsm } of configured) await initHsm(hsm);
  hsms = await HsmSet.open(configured);
});
afterEach(async () => {
  await hsms.close();
  rmSync(folder, { recursive: true });
});

const keyOf = (name: string): Promise<Ekt> => member(name).hsm.generateKey(metaOf("kms-symmetric"));
const encrypt = (...tokens: [Ekt, ...Ekt[]]) =>
  hsms.use(tokens, (ekt, hsm) => hsm.encrypt(ekt, algorithm, utf8("text"), aad));

function member(name: string) {
  const found = hsms.named(name);
  if (!found) throw new Error(`there is no HSM ${name}`);
  return found;
}

/** The folder of one is gone, as its set finds out when it opens. */
const away = (name: string) => renameSync(join(folder, name), join(folder, `${name}-away`));
const back = (name: string) => renameSync(join(folder, `${name}-away`), join(folder, name));

test("a token is used by the HSM that holds its domain key", async () => {
  for (const name of ["one", "two"]) {
    const key = await keyOf(name);
    expect(hsms.of(key)).toEqual([member(name)]);
    const ciphertext = await encrypt(key);
    expect(await member(name).hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("text"));
  }
});

test("a domain key that another process has made is found", async () => {
  const admin = await openHsmAdmin(configured[1]?.hsm as SoftConfig);
  await admin.activateDomainKey(await admin.addDomainKey());
  await admin.close();
  const elsewhere = await HsmSet.open(configured);
  const key = (await elsewhere.named("two")?.hsm.generateKey(metaOf("kms-symmetric"))) as Ekt;
  await elsewhere.close();
  expect(hsms.of(key)).toEqual([]);
  await encrypt(key);
  expect(hsms.of(key)).toEqual([member("two")]);
});

test("also by many calls at once, and for the second token of a key", async () => {
  const tokens = await shared();
  const admin = await openHsmAdmin(configured[0]?.hsm as SoftConfig);
  await admin.activateDomainKey(await admin.addDomainKey());
  const moved = await admin.rewrap(tokens[0]);
  await admin.close();
  await encrypt(moved, tokens[1]);
  while (hsms.of(moved).length === 0) await sleep(5);
  await hsms.close();
  hsms = await HsmSet.open(configured);
  const again = await openHsmAdmin(configured[0]?.hsm as SoftConfig);
  await again.activateDomainKey(await again.addDomainKey());
  const newest = await again.rewrap(moved);
  await again.close();
  expect(hsms.of(newest)).toEqual([]);
  await Promise.all(Array.from({ length: 8 }, () => encrypt(newest)));
});

test("a token that none holds is refused", async () => {
  const key = await keyOf("one");
  await hsms.close();
  hsms = await HsmSet.open(configured.slice(1));
  await expectHsmError("refused", encrypt(key));
});

test("two keys are used in one call where an HSM holds both", async () => {
  const [a, b, c] = [await keyOf("one"), await keyOf("one"), await keyOf("two")];
  const both = (first: Ekt, second: Ekt) => hsms.useBoth([first], [second], async (_a, _b, hsm) => hsm);
  expect(await both(a, b)).toBe(member("one").hsm);
  expect(await both(a, c)).toBeUndefined();
});

/** Lets every `encrypt` of an HSM end as `outcome` does, and answers how many there were. */
function spoil(name: string, outcome: () => Promise<never>): () => number {
  let calls = 0;
  Object.defineProperty(member(name).hsm, "encrypt", {
    value: () => {
      calls += 1;
      return outcome();
    },
  });
  return () => calls;
}

/** One key in both HSMs. */
async function shared(): Promise<[Ekt, Ekt]> {
  const meta = metaOf("kms-symmetric");
  const admins = await Promise.all(configured.map(({ hsm }) => openHsmAdmin(hsm)));
  const [one, two] = admins as [HsmAdmin, HsmAdmin];
  const key = await member("one").hsm.generateKey(meta);
  const target = await two.transportKey();
  await one.pinTransportKey(target);
  const copy = await two.importFrom(meta, hbkIdOf(key), await one.exportTo(key, target));
  await Promise.all(admins.map((admin) => admin.close()));
  return [key, copy];
}

test.each(["unavailable", "internal", "unsupported"] as const)(
  "where an HSM is %s, another that holds the key serves",
  async (kind) => {
    const tokens = await shared();
    const calls = spoil("one", () => Promise.reject(new HsmError(kind, "spoilt")));
    for (let i = 0; i < 8; i++) await encrypt(...tokens);
    expect(calls()).toBeGreaterThan(0);
    const [key] = tokens;
    await expectHsmError(kind, encrypt(key));
  },
);

test("what one refuses is not tried elsewhere", async () => {
  const tokens = await shared();
  const calls = spoil("one", () => Promise.reject(new HsmError("refused", "spoilt")));
  await expectHsmError("refused", encrypt(...tokens));
  expect(calls()).toBe(1);
});

test("an HSM that hangs holds nobody up beyond its share of the deadline, and is asked last until it answers", async () => {
  const tokens = await shared();
  const calls = spoil("one", () => new Promise(() => undefined));
  const healthy = Promise.withResolvers<void>();
  const health = member("one").hsm.health.bind(member("one").hsm);
  Object.defineProperty(member("one").hsm, "health", { value: () => healthy.promise.then(health) });
  const [inTime, late] = [encrypt(...tokens), sleep(5_000, "late")];
  expect(await Promise.race([inTime, late])).not.toBe("late");
  for (let i = 0; i < 4; i++) await encrypt(...tokens);
  expect(calls()).toBe(1);
  expect(member("one").healthy).toBe(false);
  healthy.resolve();
  while (!member("one").healthy) await sleep(10);
});

test("HSMs that hold a key share its calls", async () => {
  const tokens = await shared();
  const busy = new Set<unknown>();
  const hold = Promise.withResolvers<void>();
  const calls = Array.from({ length: 4 }, () =>
    hsms.use(tokens, async (_ekt, hsm) => {
      busy.add(hsm);
      await hold.promise;
    }),
  );
  await sleep(10);
  expect(busy.size).toBe(2);
  hold.resolve();
  await Promise.all(calls);
});

test("keys are made where their spec is configured, or else in the default HSM", async () => {
  const places = async (specs?: NonNullable<ConfiguredHsm["specs"]>) => {
    await hsms.close();
    hsms = await HsmSet.open([
      configured[0] as ConfiguredHsm,
      { ...(configured[1] as ConfiguredHsm), ...(specs && { specs }) },
    ]);
    return (["RSA_2048", "ECC_NIST_P256"] as const).map((spec) => {
      const found = hsms.forSpec(spec, "SIGN_VERIFY");
      return "members" in found ? found.members.map(({ name }) => name) : found.refusal;
    });
  };
  expect(await places()).toEqual([["one"], ["one"]]);
  expect(await places(["ECC_NIST_P256"])).toEqual([["one"], ["two"]]);
  expect(await places("default")).toEqual([["two"], ["two"]]);
  const refused = hsms.forSpec("SYMMETRIC_DEFAULT", "SIGN_VERIFY");
  expect(refused).toEqual({ refusal: expect.stringContaining("no SYMMETRIC_DEFAULT keys") });
});

test("an HSM that is away at first is unavailable, keeps no other from working, and is used when it comes", async () => {
  const [one, two] = [await keyOf("one"), await keyOf("two")];
  await hsms.close();
  away("two");
  hsms = await HsmSet.open(configured);
  const told: string[] = [];
  member("two").watch((notice) => told.push(notice));
  await encrypt(one);
  await expectHsmError("unavailable", encrypt(two));
  expect((await member("two").health()).ok).toBe(false);
  back("two");
  while (member("two").failure) await sleep(10);
  await encrypt(two);
  expect(told).toEqual([expect.stringContaining("it is away: "), "it has come"]);
});

test("without any HSM, the primary's problem is told", async () => {
  await hsms.close();
  for (const name of ["one", "two"]) away(name);
  await expect(HsmSet.open(configured)).rejects.toThrow(join(folder, "one"));
  for (const name of ["one", "two"]) back(name);
  hsms = await HsmSet.open(configured);
});
