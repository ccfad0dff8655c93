import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeBackup } from "../../src/backup/backup.ts";
import { OpenBackup } from "../../src/backup/restore.ts";
import { openEngine } from "../../src/engine/index.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { type ConfiguredHsm, initHsm, openHsmAdmin, trustHsm } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
import { Migration } from "../../src/kms/migration.ts";
import { Source } from "../../src/kms/transfer.ts";
import {
  type Deployment,
  type Evidence,
  makeEvidence,
  newFolder,
  officers,
  openDeployment,
  sharesOf,
  softHsm,
  storeOf,
} from "../backup/deployment.ts";
import { soPinOf } from "../hsm/pkcs11/officer.ts";
import { type SoftToken, softTokens, withOfficer } from "../hsm/pkcs11/tokens.ts";
import { account } from "../operations/office.ts";

const bare = softTokens();
const folders: string[] = [];
let token: SoftToken;
let open: Deployment & { readonly accessKeyId: string };
let evidence: Evidence;

async function trusted(): Promise<SoftToken> {
  const config = withOfficer(await bare());
  await initHsm(config, "trusted");
  await trustHsm(config, { soPin: soPinOf(config) });
  return config;
}

function folder(): string {
  folders.push(newFolder());
  return folders.at(-1) as string;
}

const domainKeysOf = (member: Member) =>
  new DomainKeys({ ...open.parts, member, clock: open.clock, openAdmin: openHsmAdmin });

beforeAll(async () => {
  token = await trusted();
  open = await openDeployment(folder(), [{ name: "token", hsm: token }], { create: true });
  evidence = await makeEvidence(open);
});
afterAll(async () => {
  await open.close();
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

it("a trusted domain key rotates when its security officer comes, and every key goes under the new one", async () => {
  const { primary } = open.parts.hsms;
  const domainKeys = domainKeysOf(primary);
  const before = await domainKeys.adopt();
  open.clock.advance(2 * 86_400_000);
  expect(await domainKeys.isDue(1)).toBe(false);
  await expect(domainKeys.rotate()).rejects.toThrow("a security officer makes the domain keys");
  const make = async () => (await trustHsm(token, { newDomainKey: true, soPin: soPinOf(token) })).domainKey ?? "";
  expect(await domainKeys.rotate(make)).not.toBe(before);
  expect(await domainKeys.rewrap()).toBeGreaterThan(7);
  await evidence.verify(open.ask, open.parts);
});

it("its keys are backed up when he trusts the officers' transport key, and come back under another's", async () => {
  const engine = await openEngine("wasm");
  const source = await Source.open({ name: "token", hsm: token });
  const out = join(open.folder, "first.backup");
  const parts = { ...open.parts, storeFile: storeOf(open.folder), sources: [source], engine };
  const request = { account, until: Date.now() + 90 * 86_400_000, incomplete: false };
  const recipients = { officers, threshold: 2 };
  await expect(makeBackup(parts, { ...request, out, recipients })).rejects.toThrow(/officer of token: --so-pin/);
  const report = await makeBackup(parts, { ...request, out, recipients, officerPins: { token: soPinOf(token) } });
  expect(report.missing).toEqual([]);
  const like = { ...request, out: join(open.folder, "tonight.backup"), recipients: { like: out } };
  expect((await makeBackup(parts, like)).missing).toEqual([]);
  await source.close();

  const home = folder();
  const hsms: ConfiguredHsm[] = [{ name: "token", hsm: await trusted() }];
  const backup = await OpenBackup.open(like.out, await sharesOf(out, [2, 0]), join(home, "draft"), engine);
  const set = await HsmSet.open(hsms);
  await backup.restoreInto({ hsms: set, incomplete: false, storeFile: storeOf(home), prepare: async () => undefined });
  await set.close();
  await backup.close();
  const restored = await openDeployment(home, hsms, { accessKeyId: open.accessKeyId });
  await evidence.verify(restored.ask, restored.parts);
  await restored.close();
});

it("its keys move to another HSM when he trusts that one's transport key, and back again", async () => {
  const soft: ConfiguredHsm = { name: "soft", hsm: softHsm(join(open.folder, "soft")) };
  const held: ConfiguredHsm = { name: "token", hsm: token };
  await initHsm(soft.hsm);
  async function move(from: ConfiguredHsm, to: ConfiguredHsm): Promise<void> {
    await open.close();
    open = await openDeployment(open.folder, [to, from], { accessKeyId: open.accessKeyId });
    for (const member of open.parts.hsms.members) await domainKeysOf(member).adopt();
    const [source, target] = [from, to].map(({ name }) => open.parts.hsms.named(name)) as [Member, Member];
    const job = await Migration.open(open.parts, source, target);
    if (from === held) await expect(job.pin(job.fingerprint)).rejects.toThrow(/has to trust .*transport key/);
    await job.pin(job.fingerprint, { token: soPinOf(token) });
    expect((await job.run()).left).toEqual([]);
    await job.close();
    await evidence.verify(open.ask, open.parts);
  }
  await move(held, soft);
  await move(soft, held);
});
