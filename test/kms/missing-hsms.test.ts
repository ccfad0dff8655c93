import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { type ConfiguredHsm, initHsm, openHsmAdmin, type SoftConfig } from "../../src/hsm/index.ts";
import { MissingHsms, missingHsms } from "../../src/kms/missing-hsms.ts";
import { domainKeyOf, writeHbk } from "../../src/kms/records.ts";
import { openParts, type Parts } from "../../src/service.ts";
import { hbkIdOf, metaOf } from "../conformance/hsm-fixture.ts";
import { newSite, type Site } from "./premises.ts";

const account = "111122223333";
const region = "eu-central-1";

describe("an HSM that holds keys", () => {
  let folder: string;
  let pairs: ConfiguredHsm & { hsm: SoftConfig };
  let site: Site;
  let parts: Parts;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "missing-"));
    pairs = { name: "pairs", hsm: softHsm("pairs") };
    await initHsm(pairs.hsm);
    site = await newSite([pairs]);
    parts = await site.open();
    for (const member of parts.hsms.members) await site.domainKeys(parts, member).adopt();
    await keyIn("main", "in-main");
  });
  afterEach(async () => {
    await parts.close();
    site.remove();
    rmSync(folder, { recursive: true });
  });

  const softHsm = (name: string): SoftConfig => ({
    driver: "soft",
    directory: join(folder, name),
    keyFile: join(folder, `${name}-key`),
    engine: "node",
  });

  /** Answers its domain key. */
  async function keyIn(name: string, keyId: string, others: readonly string[] = [], { hsms } = parts): Promise<string> {
    const [ekt, ...replicas] = await Promise.all(
      [name, ...others].map(async (one) => {
        const made = await hsms.named(one)?.hsm.generateKey(metaOf("kms-symmetric"));
        return made ?? Promise.reject(new Error(`there is no HSM ${one}`));
      }),
    );
    if (!ekt) throw new Error("there is no key");
    const tokens = { ekt: ekt.toBase64(), replicas: replicas.map((token) => token.toBase64()) };
    await parts.store.commit([writeHbk(region, hex(hbkIdOf(ekt)), { keyId, account, ...tokens, domainKeys: [] }, 0)]);
    return domainKeyOf(ekt);
  }

  async function reopen(...hsms: readonly ConfiguredHsm[]): Promise<void> {
    await parts.close();
    parts = await openParts({ ...site.premises, hsms, store: { ...site.premises.store, create: false } });
  }

  const main = (): ConfiguredHsm => site.premises.hsms[0] as ConfiguredHsm;
  const arn = (id: string): string => `arn:aws:kms:${region}:${account}:key/${id}`;

  it("is missing when the configuration does not name it, and told of once, with what is in no other", async () => {
    await keyIn("pairs", "rotated");
    await keyIn("pairs", "rotated");
    await keyIn("pairs", "second");
    await keyIn("pairs", "in-both", ["main"]);
    expect(await missingHsms(parts)).toEqual([]);
    await reopen(main());
    const told: string[] = [];
    const missing = new MissingHsms(parts, (...notice) => told.push(notice.join(": ")));
    await missing.look();
    await missing.look();
    expect(missing.last.map(({ name, keys }) => [name, keys.toSorted()])).toEqual([
      ["pairs", [arn("rotated"), arn("second")]],
    ]);
    expect(told).toEqual([
      expect.stringMatching(
        /^pairs: not in the configuration: 2 keys are in it alone.*; configure it and restart, or /,
      ),
    ]);
  });

  it("is not missing under another name, nor while it is away", async () => {
    await keyIn("pairs", "key");
    await reopen(main(), { ...pairs, name: "curves" });
    expect(await missingHsms(parts)).toEqual([]);
    await parts.close();
    renameSync(pairs.hsm.directory, `${pairs.hsm.directory}-away`);
    await reopen(main(), pairs);
    expect(await missingHsms(parts)).toEqual([]);
  });

  it("is known by its name while another is away, and by its domain key when another has taken its name", async () => {
    const domainKey = await keyIn("pairs", "key");
    const twin = { name: "twin", hsm: softHsm("twin") };
    await reopen(main(), twin);
    expect(await missingHsms(parts)).toEqual([{ name: "pairs", keys: [arn("key")] }]);
    await parts.close();
    await initHsm(twin.hsm);
    await reopen(main(), { ...twin, name: "pairs" });
    await site.domainKeys(parts, parts.hsms.named("pairs")).adopt();
    expect(await missingHsms(parts)).toEqual([{ name: `domain key ${domainKey}`, keys: [arn("key")] }]);
  });

  it("is not missing when another process has made its domain key", async () => {
    const admin = await openHsmAdmin(pairs.hsm);
    await admin.activateDomainKey(await admin.addDomainKey());
    await admin.close();
    const elsewhere = { ...parts, hsms: await HsmSet.open([pairs]) };
    await keyIn("pairs", "key", [], elsewhere);
    await elsewhere.hsms.close();
    expect(await missingHsms(parts)).toEqual([]);
  });
});
