import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import type { ConfiguredHsm, HsmConfig } from "../../src/hsm/config.ts";
import type { DomainKey } from "../../src/hsm/domain-key.ts";
import { initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { pairHsms } from "../../src/hsm/pairing.ts";
import { rosterTable, standingsOf } from "../../src/hsm/roster.ts";
import { destroyedEverywhere } from "../../src/hsm/shared-domain.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
import { eachToken } from "../../src/kms/key-tokens.ts";
import { Replication } from "../../src/kms/replication.ts";
import {
  type Deployment,
  type Evidence,
  makeEvidence,
  newFolder,
  openDeployment,
  softHsm,
} from "../backup/deployment.ts";
import { aad, algorithm, bringObjects, copyOf, encrypt, newKey, softTokens } from "../hsm/pkcs11/tokens.ts";

const newToken = softTokens();
const day = 86_400_000;
let folder: string;
let open: Deployment & { readonly accessKeyId: string };

beforeEach(() => {
  folder = newFolder();
});
afterEach(async () => {
  await open.close();
  rmSync(folder, { recursive: true });
});

const pairOf = (main: HsmConfig, twin: HsmConfig): [ConfiguredHsm, ConfiguredHsm] => [
  { name: "main", hsm: main },
  { name: "twin", hsm: twin, replicaOf: "main" },
];

async function deploy(hsms: readonly ConfiguredHsm[]): Promise<Evidence> {
  open = await openDeployment(folder, hsms, { create: true });
  for (const { name } of hsms) await domainKeysOf(name).adopt();
  return makeEvidence(open);
}

/** With what `change` does while nothing is open. */
async function reopen(hsms: readonly ConfiguredHsm[] = open.hsms, change = () => {}): Promise<void> {
  await open.close();
  change();
  open = await openDeployment(folder, hsms, { accessKeyId: open.accessKeyId });
}

const member = (name: string): Member => open.parts.hsms.named(name) as Member;
const domainKeysOf = (name: string): DomainKeys =>
  new DomainKeys({ ...open.parts, member: member(name), clock: open.clock, openAdmin: openHsmAdmin });
const replicate = (): Promise<void> =>
  new Replication({ ...open.parts, forget: open.kms.forget, openAdmin: openHsmAdmin, clock: open.clock }).run();

async function listed(name: string): Promise<readonly DomainKey[]> {
  const admin = await openHsmAdmin(member(name).config);
  return admin.domainKeys().finally(() => admin.close());
}
const statesOf = async (name: string) => (await listed(name)).map(({ state }) => state);

/** By how many tokens each key is kept, and in how many HSMs. */
async function places(): Promise<string[]> {
  const found = new Set<string>();
  await eachToken(open.parts, (tokens) => {
    found.add(`${tokens.length} in ${tokens.flatMap((ekt) => open.parts.hsms.of(ekt)).length}`);
  });
  return [...found];
}

/** Each opens what the other makes, and the calls for a key are shared among both. */
async function expectTwins(): Promise<void> {
  const [main, twin] = [member("main"), member("twin")];
  for (const [one, other] of [
    [main, twin],
    [twin, main],
  ] as const) {
    const key = await newKey(one.hsm);
    const ciphertext = await encrypt(other.hsm, key);
    expect(await one.hsm.decrypt(key, algorithm, ciphertext, aad)).not.toBeNull();
    const used = new Set<unknown>();
    const use = () => open.parts.hsms.use([key], async (ekt, hsm) => used.add(hsm) && (await encrypt(hsm, ekt)));
    await Promise.all(Array.from({ length: 8 }, use));
    expect(used.size).toBe(2);
  }
}

it("a SoftHSM2 token and its copy are one domain, whose key rotates when the copy has the new one", async () => {
  const token = await newToken();
  await initHsm(token);
  const twin = copyOf(token, join(folder, "twin"));
  const hsms = pairOf(token, twin);
  open = await openDeployment(folder, hsms, { create: true });
  const evidence = await makeEvidence(open);
  await expectTwins();
  expect(await places()).toEqual(["1 in 2"]);
  await expect(domainKeysOf("main").rotate()).rejects.toThrow(/twin .*lacks .*bring it there/);
  await evidence.verify(open.ask, open.parts);
  await reopen(hsms, () => bringObjects(token, twin.folder));
  await domainKeysOf("main").rotate();
  expect(await domainKeysOf("main").rewrap()).toBeGreaterThan(3);
  expect(await places()).toEqual(["1 in 2"]);
  await expectTwins();
  await member("main").hsm.close();
  await evidence.verify(open.ask, open.parts);
});

describe("HSMs that share a domain key", () => {
  let hsms: [ConfiguredHsm, ConfiguredHsm];
  const at = (name: string): string => join(folder, name);
  const move = (from: string, to: string) => () => renameSync(at(from), at(to));
  /** What an operator does who clones an HSM, the first time and again. */
  const bring = (): void => {
    rmSync(at("twin"), { recursive: true, force: true });
    cpSync(at("main"), at("twin"), { recursive: true });
  };

  beforeEach(async () => {
    const [main, twin] = [softHsm(at("main")), softHsm(at("twin"))];
    await initHsm(main);
    bring();
    hsms = pairOf(main, twin);
  });

  it("hold every key by one token, and one of them is enough", async () => {
    const evidence = await deploy(hsms);
    await replicate();
    expect(await places()).toEqual(["1 in 2"]);
    await expectTwins();
    for (const away of ["twin", "main"]) {
      await reopen(hsms, move(away, "away"));
      await evidence.verify(open.ask, open.parts);
      await open.ask("CreateKey");
      await reopen(hsms, move("away", away));
    }
    expect(await places()).toEqual(["1 in 2"]);
  });

  it("are listed so, take a new one into use when all have it, and have destroyed one when all have", async () => {
    const evidence = await deploy(hsms);
    const lines = rosterTable(await standingsOf(hsms)).split("\n");
    expect(lines[1]).toMatch(/[0-9a-f]{8} active, shared with twin$/);
    expect(lines[2]).toMatch(/ replica of main .* [0-9a-f]{8} active, shared with main$/);
    await expect(pairHsms(hsms, [])).rejects.toThrow(/main and twin share a domain key: no key has to go/);
    const before = await listed("main");
    open.clock.advance(2 * day);
    expect([await domainKeysOf("main").isDue(day), await domainKeysOf("twin").isDue(day)]).toEqual([true, false]);
    await expect(domainKeysOf("twin").rotate()).rejects.toThrow(ConfigError);
    const lacking = /twin .* lacks its newer one, [0-9a-f]{32}: bring it there/;
    for (let tries = 0; tries < 2; tries++) await expect(domainKeysOf("main").rotate()).rejects.toThrow(lacking);
    const [old, made, ...others] = await listed("main");
    expect([old, made?.state, others]).toEqual([before[0], "readable", []]);
    expect(await listed("twin")).toEqual(before);
    expect(rosterTable(await standingsOf(hsms))).toContain(`shared with twin, which lacks ${made?.id.slice(0, 8)}`);
    await evidence.verify(open.ask, open.parts);

    await reopen(hsms, move("twin", "away"));
    await expect(domainKeysOf("main").rotate()).rejects.toThrow(/twin shares the domain key of main, and the new one/);
    await reopen(hsms, bring);
    expect(await domainKeysOf("main").rotate()).toBe(made?.id);
    for (const name of ["main", "twin"]) expect(await statesOf(name)).toEqual(["unwrap-only", "active"]);
    expect(await domainKeysOf("main").rewrap()).toBeGreaterThan(3);
    expect(await domainKeysOf("twin").rewrap()).toBe(0);
    expect(await places()).toEqual(["1 in 2"]);

    const destroyedBy = async (name: string) => {
      for (let i = 0; i < 2; i++) {
        open.clock.advance(8 * day);
        await domainKeysOf(name).retire();
      }
      return [...destroyedEverywhere(await Promise.all(["main", "twin"].map(listed)))];
    };
    expect(await destroyedBy("main")).toEqual([]);
    expect(await destroyedBy("twin")).toEqual([old?.id]);
    await evidence.verify(open.ask, open.parts);
  });

  it("follow the first of them after a crash between them", async () => {
    const evidence = await deploy(hsms);
    await expect(domainKeysOf("main").rotate()).rejects.toThrow("lacks");
    await reopen([hsms[0]], bring);
    const made = await domainKeysOf("main").rotate();
    await domainKeysOf("main").rewrap();
    await reopen(hsms);
    expect(await domainKeysOf("twin").rewrap()).toBe(0);
    expect(await domainKeysOf("twin").adopt()).toBe(made);
    expect(await statesOf("twin")).toEqual(["unwrap-only", "active"]);
    await evidence.verify(open.ask, open.parts);
  });

  it("get no keys in other ways where one was left behind, and what to do is said", async () => {
    const evidence = await deploy([hsms[0]]);
    const made = await domainKeysOf("main").rotate();
    await domainKeysOf("main").rewrap();
    await reopen(hsms);
    await expect(replicate()).rejects.toThrow(`twin shares a domain key with main and lacks its newer one, ${made}:`);
    expect(await places()).toEqual(["1 in 1"]);
    await evidence.verify(open.ask, open.parts);
    await reopen(hsms, bring);
    await replicate();
    expect(await places()).toEqual(["1 in 2"]);
  });

  it("rotate and retire it at once where they are ways into one cluster", async () => {
    const evidence = await deploy(pairOf(hsms[0].hsm, hsms[0].hsm));
    const made = await domainKeysOf("main").rotate();
    expect(await domainKeysOf("twin").adopt()).toBe(made);
    expect(await domainKeysOf("main").rewrap()).toBeGreaterThan(3);
    for (let i = 0; i < 2; i++) {
      open.clock.advance(8 * day);
      for (const name of ["main", "twin"]) await domainKeysOf(name).retire();
    }
    expect(await statesOf("twin")).toEqual(["destroyed", "active"]);
    expect(await places()).toEqual(["1 in 2"]);
    await evidence.verify(open.ask, open.parts);
  });
});
