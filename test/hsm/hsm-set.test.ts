import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { type ConfiguredHsm, type Ekt, initHsm, openHsmAdmin, type SoftConfig } from "../../src/hsm/index.ts";
import { aad, algorithm, expectHsmError, metaOf } from "../conformance/hsm-fixture.ts";

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
