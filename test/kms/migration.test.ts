import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConfiguredHsm, initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { awaitedDomainKeys, buryTombstones, deleteDueKeys } from "../../src/kms/deletion.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
import { declareErased, erasedDomainKeys } from "../../src/kms/erased.ts";
import { keyEvent } from "../../src/kms/events.ts";
import { eachToken } from "../../src/kms/key-tokens.ts";
import { Migration } from "../../src/kms/migration.ts";
import { domainKeyOf } from "../../src/kms/records.ts";
import {
  type Deployment,
  type Evidence,
  makeEvidence,
  newFolder,
  openDeployment,
  softHsm,
  storeOf,
} from "../backup/deployment.ts";
import { softTokens } from "../hsm/pkcs11/tokens.ts";

const softHsm2 = softTokens();
const day = 86_400_000;

/** What a service does when it starts. */
async function adoptAll({ parts, clock }: Deployment): Promise<void> {
  for (const member of parts.hsms.members) {
    await new DomainKeys({ ...parts, member, clock, openAdmin: openHsmAdmin }).adopt();
  }
}

describe("a migration", () => {
  let folder: string;
  let a: ConfiguredHsm;
  let b: ConfiguredHsm;
  let open: Deployment & { readonly accessKeyId: string };
  let evidence: Evidence;

  beforeEach(async () => {
    folder = newFolder();
    [a, b] = ["a", "b"].map((name) => ({ name, hsm: softHsm(join(folder, name)) })) as [ConfiguredHsm, ConfiguredHsm];
    for (const { hsm } of [a, b]) await initHsm(hsm);
    open = await openDeployment(folder, [a], { create: true });
    evidence = await makeEvidence(open);
  });
  afterEach(async () => {
    await open.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function reopen(...hsms: ConfiguredHsm[]): Promise<void> {
    await open.close();
    open = await openDeployment(folder, hsms, { accessKeyId: open.accessKeyId });
  }

  const member = (name: string): Member => open.parts.hsms.named(name) as Member;
  const migration = () => Migration.open(open.parts, member("a"), member("b"));

  const adopt = () => adoptAll(open);

  async function inUse(): Promise<Set<string>> {
    const ids = new Set<string>();
    await eachToken(open.parts, (tokens) => {
      for (const ekt of tokens) ids.add(domainKeyOf(ekt));
    });
    return ids;
  }

  async function migrate(): Promise<void> {
    const job = await migration();
    await job.pin(job.fingerprint);
    expect(await job.rehearse()).toEqual([]);
    const { moved, left } = await job.run();
    expect(left).toEqual([]);
    expect(moved).toBe(8);
    await job.close();
  }

  it("moves every key; then the source can be unplugged", async () => {
    await reopen(b, a);
    await adopt();
    await evidence.verify(open.ask, open.parts);
    await migrate();
    await evidence.verify(open.ask, open.parts);
    expect((await inUse()).size).toBe(1);
    await reopen(b);
    rmSync(join(folder, "a"), { recursive: true });
    await adopt();
    await evidence.verify(open.ask, open.parts);
    await open.parts.store.verify();
  });

  it("moves a multi-Region key whose versions and regions are in several HSMs", async () => {
    const many = (await open.ask("CreateKey", { MultiRegion: true }))["KeyMetadata"].Arn;
    const there = many.replace("us-east-1", "eu-west-1");
    const blobs: string[] = [];
    const seal = async (region: string, KeyId: string) => {
      const made = await open.askIn(region)("Encrypt", { KeyId, Plaintext: btoa("both") });
      blobs.push(made["CiphertextBlob"].toBase64());
    };
    await seal("us-east-1", many);
    await reopen(b, a);
    await adopt();
    await open.ask("ReplicateKey", { KeyId: many, ReplicaRegion: "eu-west-1" });
    await open.ask("RotateKeyOnDemand", { KeyId: many });
    await seal("eu-west-1", there);
    expect((await inUse()).size).toBe(2);
    const job = await migration();
    await job.pin(job.fingerprint);
    const told: number[][] = [];
    const { left } = await job.run((done, all) => told.push([done, all]));
    expect(left).toEqual([]);
    expect(told.at(-1)).toEqual([told.length, told.length]);
    await job.close();
    await reopen(b);
    rmSync(join(folder, "a"), { recursive: true });
    await adopt();
    expect((await inUse()).size).toBe(1);
    await seal("us-east-1", many);
    for (const [region, KeyId] of [
      ["us-east-1", many],
      ["eu-west-1", there],
    ] as const) {
      for (const CiphertextBlob of blobs) {
        const { Plaintext } = await open.askIn(region)("Decrypt", { CiphertextBlob, KeyId });
        expect(atob(Plaintext.toBase64())).toBe("both");
      }
    }
  });

  it("counts deleted material as gone when an operator says that the HSM which it left is erased", async () => {
    const doomed = (await open.ask("CreateKey", {}))["KeyMetadata"].KeyId;
    const [old = ""] = await inUse();
    await reopen(b, a);
    await adopt();
    const job = await migration();
    await job.pin(job.fingerprint);
    await job.run();
    await job.close();
    await reopen(b);
    await adopt();
    await open.ask("ScheduleKeyDeletion", { KeyId: doomed, PendingWindowInDays: 7 });
    open.clock.advance(8 * day);
    const deletion = { ...open.parts, clock: open.clock, forget: open.kms.forget };
    await deleteDueKeys(deletion);
    const [fresh = ""] = await inUse();
    const bury = () => buryTombstones(deletion, new Set([fresh]));
    await bury();
    const { store } = open.parts;
    expect(Object.fromEntries(await awaitedDomainKeys(store))).toEqual({ [old]: 1, [fresh]: 1 });
    await declareErased(open.parts, [old], keyEvent("DeclareErased", { id: doomed, account: "1", region: "r" }));
    expect(await erasedDomainKeys(store)).toEqual(new Set([old]));
    expect([...(await awaitedDomainKeys(store)).keys()]).toEqual([fresh]);
    await bury();
    expect((await awaitedDomainKeys(store)).size).toBe(0);
  });

  it("goes on where it was cut off", async () => {
    await reopen(b, a);
    await adopt();
    const job = await migration();
    await job.pin(job.fingerprint);
    const { commit } = open.parts.store;
    let commits = 0;
    open.parts.store.commit = async (...args) => {
      if (++commits > 3) throw new Error("cut off");
      return commit.apply(open.parts.store, args);
    };
    await expect(job.run()).rejects.toThrow("cut off");
    await job.close();
    await reopen(b, a);
    await evidence.verify(open.ask, open.parts);
    const again = await migration();
    await again.pin(again.fingerprint);
    expect((await again.run()).moved).toBeLessThan(8);
    await again.close();
    await reopen(b);
    await evidence.verify(open.ask, open.parts);
  });

  it("moves nothing to a transport key of another fingerprint, nor before one is pinned", async () => {
    await reopen(b, a);
    await adopt();
    const before = await inUse();
    const job = await migration();
    for (const wrong of ["", "00".repeat(32), job.fingerprint.slice(1), `${job.fingerprint}0`]) {
      await expect(job.pin(wrong)).rejects.toThrow("nothing has been moved");
    }
    const left = await job.rehearse();
    expect(new Set(left.map(({ reason }) => reason))).toEqual(new Set(["the transport key has not been pinned"]));
    await job.pin(job.fingerprint);
    await job.close();
    expect(await inUse()).toEqual(before);
  });

  it("does not begin before a service knows the target, or while new keys are made in the source", async () => {
    await reopen(b, a);
    await expect(migration()).rejects.toThrow("no service has been started with the HSM b yet");
    await reopen(a, b);
    await expect(migration()).rejects.toThrow("new keys are made in the HSM a");
  });

  it("takes the store's anchor along: an older store is refused by the new HSM, too", async () => {
    const file = storeOf(folder);
    await open.close();
    copyFileSync(file, `${file}.older`);
    await reopen(a);
    await open.ask("CreateKey", {});
    await open.close();
    copyFileSync(`${file}.older`, file);
    await expect(openDeployment(folder, [b, a], { accessKeyId: open.accessKeyId })).rejects.toThrow("the HSM has seen");
    open = await openDeployment(newFolder(), [b], { create: true });
  });
});

it("leaves keys where they are that cannot move, and says why", async () => {
  const folder = newFolder();
  const locked = { name: "locked", hsm: await softHsm2() };
  const plain = { name: "plain", hsm: await softHsm2() };
  await initHsm(locked.hsm, "locked");
  await initHsm(plain.hsm);
  const first = await openDeployment(folder, [locked], { create: true });
  const key = (await first.ask("CreateKey", {}))["KeyMetadata"].Arn;
  const CiphertextBlob = (await first.ask("Encrypt", { KeyId: key, Plaintext: btoa("old") }))[
    "CiphertextBlob"
  ].toBase64();
  await first.close();
  const both = await openDeployment(folder, [plain, locked], { accessKeyId: first.accessKeyId });
  await adoptAll(both);
  const [from, to] = [both.parts.hsms.named("locked"), both.parts.hsms.named("plain")] as [Member, Member];
  const job = await Migration.open(both.parts, from, to);
  const foreseen = await job.foresee();
  expect(foreseen.map(({ key }) => key)).toContain(key);
  await job.pin(job.fingerprint);
  expect(await job.rehearse()).toEqual(foreseen);
  expect(await job.run()).toEqual({ moved: 0, left: foreseen });
  await job.close();
  expect(atob((await both.ask("Decrypt", { CiphertextBlob }))["Plaintext"].toBase64())).toBe("old");
  await both.close();
  rmSync(folder, { recursive: true, force: true });
});
