import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConfiguredHsm, initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
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

/** What a service does when it starts. */
async function adoptAll({ parts, clock }: Deployment): Promise<void> {
  for (const member of parts.hsms.members) {
    const openAdmin = () => openHsmAdmin(member.config);
    await new DomainKeys({ ...parts, member, clock, openAdmin }).adopt();
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
    await job.pin(job.fingerprint.replaceAll(/(..)/g, "$1:").toUpperCase());
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
