import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Outbox } from "../../src/audit/outbox.ts";
import { type BackupReport, makeBackup, type Recipients } from "../../src/backup/backup.ts";
import { type Contents, readBackup, writeBackup } from "../../src/backup/file.ts";
import { OpenBackup, type RestoreReport } from "../../src/backup/restore.ts";
import type { OpenedShare } from "../../src/backup/shares.ts";
import { applyTombstones, formatTombstones } from "../../src/backup/tombstones.ts";
import { newRecovery } from "../../src/backup/vault.ts";
import { base64, fromBase64 } from "../../src/base/bytes.ts";
import { StoreError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/index.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { initHsm, mainHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import { buryTombstones, deleteDueKeys } from "../../src/kms/deletion.ts";
import { Source } from "../../src/kms/transfer.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import { account, refused } from "../operations/office.ts";
import { importOf, parametersOf } from "../operations/wrapping-client.ts";
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
} from "./deployment.ts";

const engine = await openEngine("wasm");
const day = 86_400_000;

describe("a backup", () => {
  const folders: string[] = [];
  const folder = (): string => {
    const made = newFolder();
    folders.push(made);
    return made;
  };
  let old: Deployment & { accessKeyId: string };
  let evidence: Evidence;
  let file: string;
  let report: BackupReport;

  beforeAll(async () => {
    const home = folder();
    const hsm = softHsm(join(home, "hsm"));
    await initHsm(hsm);
    old = await openDeployment(home, mainHsm(hsm), { create: true });
    evidence = await makeEvidence(old);
    file = join(home, "first.backup");
    report = await backUp(file, { officers, threshold: 2 });
  });
  afterAll(async () => {
    await old.close();
    for (const made of folders) rmSync(made, { recursive: true, force: true });
  });

  async function backUp(out: string, recipients: Recipients): Promise<BackupReport> {
    const { parts, hsms } = old;
    const sources = await Promise.all(hsms.map((one) => Source.open(one)));
    try {
      const request = { out, recipients, account, until: Date.now() + 90 * day, incomplete: false };
      return await makeBackup({ ...parts, storeFile: storeOf(old.folder), sources, engine }, request);
    } finally {
      for (const source of sources) await source.close();
    }
  }

  /** To a soft HSM that is as new as its folder. */
  async function restore(
    from: string,
    shares: readonly OpenedShare[],
    prepare: (store: SealedStore) => Promise<void> = async () => undefined,
  ): Promise<RestoreReport & { home: string }> {
    const home = folder();
    // As a restoration leaves it that was killed.
    writeFileSync(join(home, "draft"), "half a store");
    const backup = await OpenBackup.open(from, shares, join(home, "draft"), engine);
    try {
      const hsm = softHsm(join(home, "hsm"));
      await initHsm(hsm);
      const hsms = await HsmSet.open(mainHsm(hsm));
      try {
        const target = { hsms, incomplete: false, storeFile: storeOf(home) };
        return { home, ...(await backup.restoreInto({ ...target, prepare })) };
      } finally {
        await hsms.close();
      }
    } finally {
      await backup.close();
      expect(readdirSync(home).filter((name) => name.startsWith("draft"))).toEqual([]);
    }
  }

  const reopen = ({ home }: { home: string }) =>
    openDeployment(home, mainHsm(softHsm(join(home, "hsm"))), { accessKeyId: old.accessKeyId });

  it("comes back in a new HSM, by M of N shares, with every key and everything that they have made", async () => {
    expect(report.missing).toEqual([]);
    const restored = await restore(file, await sharesOf(file, [2, 0]));
    expect(restored.keys).toBe(report.keys);
    const fresh = await reopen(restored);
    await evidence.verify(fresh.ask, fresh.parts);
    await fresh.parts.store.verify();
    await fresh.close();
    await evidence.verify(old.ask, old.parts);
  });

  it("is made under the key of an earlier one, without its officers, and shows what came since", async () => {
    const { KeyMetadata } = await old.ask("CreateKey", { Description: "later" });
    const later = join(folder(), "later.backup");
    const { transportKey } = await backUp(later, { like: file });
    expect(transportKey).toBe(report.transportKey);
    const fresh = await reopen(await restore(later, await sharesOf(later, [0, 1])));
    expect((await fresh.ask("DescribeKey", { KeyId: KeyMetadata.KeyId }))["KeyMetadata"].Description).toBe("later");
    await fresh.close();
  });

  it("is one consistent state, however much is changed while it is made", async () => {
    let stopped = false;
    const load = (async () => {
      for (let i = 0; !stopped; i++)
        await old.ask("CreateAlias", { AliasName: `alias/load-${i}`, TargetKeyId: evidence.keys["hmac"] });
    })();
    const busy = join(folder(), "busy.backup");
    await backUp(busy, { like: file });
    stopped = true;
    await load;
    const fresh = await reopen(await restore(busy, await sharesOf(busy, [0, 1])));
    await evidence.verify(fresh.ask, fresh.parts);
    await fresh.close();
  });

  it("replaces no file, and leaves none behind", async () => {
    const before = readFileSync(file);
    await expect(backUp(file, { like: file })).rejects.toThrow("exists already");
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(old.folder).filter((name) => name.startsWith("first."))).toEqual(["first.backup"]);
  });

  it("is refused where it is damaged, cut short or no backup, before anything is written", async () => {
    const whole = readFileSync(file);
    const shares = await sharesOf(file, [0, 1]);
    const bad = join(folder(), "bad.backup");
    const edits = [12, 100, 5000, whole.length - 5000, whole.length - 1].map((at) => {
      const edited = Buffer.from(whole);
      edited[at] = (edited[at] as number) ^ 1;
      return edited;
    });
    for (const bytes of [...edits, whole.subarray(0, 0), whole.subarray(0, 9), whole.subarray(0, whole.length - 7)]) {
      writeFileSync(bad, bytes);
      await expect(restore(bad, shares), `${bytes.length}`).rejects.toThrow(/damaged|not a backup/);
      expect(existsSync(join(folders.at(-1) as string, "hsm"))).toBe(false);
    }
  });

  it("is refused with too few shares, or those of another backup", async () => {
    await expect(restore(file, await sharesOf(file, [1]))).rejects.toThrow("needs those of 2 officers");
    const other = join(folder(), "other.backup");
    await backUp(other, { officers, threshold: 2 });
    await expect(restore(file, await sharesOf(other, [0, 1]))).rejects.toThrow("another backup");
  });

  it("is refused when its parts have been exchanged, by whoever can write a digest", async () => {
    const { contents, extractStore } = readBackup(file);
    const { recovery } = contents;
    const own = storeOf(folder());
    extractStore(own);
    const forged = (change: object, store = own): string => {
      const path = join(folder(), "forged.backup");
      writeBackup(path, { ...contents, ...change } as Contents, store);
      return path;
    };
    const shares = await sharesOf(file, [0, 1]);
    const stranger = await newRecovery(officers, 2, async () => new Uint8Array(0));

    const toStranger = forged({ recovery: { ...recovery, transport: stranger.transport } });
    await expect(backUp(join(folder(), "next.backup"), { like: toStranger })).rejects.toThrow("has not been pinned");

    const home = folder();
    const hsm = softHsm(join(home, "hsm"));
    await initHsm(hsm);
    await (await openDeployment(home, mainHsm(hsm), { create: true })).close();
    await expect(restore(forged({}, storeOf(home)), shares)).rejects.toThrow("lacks the material");
    const index = (fromBase64(recovery.index) as Uint8Array).map((octet, i) => (i === 120 ? octet ^ 1 : octet));
    await expect(restore(forged({ recovery: { ...recovery, index: base64(index) } }), shares)).rejects.toThrow(
      StoreError,
    );
    const [[hbkId]] = Object.entries(contents.exported) as [[string, string]];
    const { [hbkId]: _, ...fewer } = contents.exported;
    await expect(restore(forged({ exported: fewer }), shares)).rejects.toThrow("lacks the material");
    for (const change of [
      { recovery: {} },
      { exported: null },
      { missing: 1 },
      { recovery: { ...recovery, state: "%" } },
    ]) {
      await expect(restore(forged(change), shares)).rejects.toThrow("not a backup that this version knows");
    }
  });

  it("brings no key back whose deletion the newest list of tombstones names", async () => {
    const doomed = (await old.ask("CreateKey", {}))["KeyMetadata"].KeyId;
    await old.ask("CreateAlias", { AliasName: "alias/doomed", TargetKeyId: doomed });
    const imported = (await old.ask("CreateKey", { Origin: "EXTERNAL" }))["KeyMetadata"].KeyId;
    await old.ask(
      "ImportKeyMaterial",
      importOf(imported, await parametersOf(old.ask, imported), new Uint8Array(32).fill(1)),
    );
    const before = join(folder(), "before.backup");
    await backUp(before, { like: file });
    await old.ask("DeleteImportedKeyMaterial", { KeyId: imported });
    await old.ask("ScheduleKeyDeletion", { KeyId: doomed, PendingWindowInDays: 7 });
    old.clock.advance(8 * day);
    await deleteDueKeys({ ...old.parts, clock: old.clock, forget: old.kms.forget });
    const list = await formatTombstones(old.parts.store, new Date());
    const shares = await sharesOf(before, [0, 1]);

    const fresh = await reopen(await restore(before, shares));
    for (const KeyId of [doomed, imported]) {
      expect((await fresh.ask("DescribeKey", { KeyId }))["KeyMetadata"].Enabled).toBe(true);
    }
    await fresh.close();

    const apply = (tombstones: string) => async (store: SealedStore) => {
      const outbox = new Outbox(store, old.parts.log);
      const deletion = { store, outbox, clock: old.clock, forget: () => undefined };
      expect(await applyTombstones(deletion, tombstones)).toBe(2);
      await outbox.flush();
    };
    const kept = await reopen(await restore(before, shares, apply(list)));
    expect(await refused(kept.ask("DescribeKey", { KeyId: doomed }))).toBe("NotFoundException");
    expect(await refused(kept.ask("DescribeKey", { KeyId: "alias/doomed" }))).toBe("NotFoundException");
    expect((await kept.ask("DescribeKey", { KeyId: imported }))["KeyMetadata"].KeyState).toBe("PendingImport");
    await evidence.verify(kept.ask, kept.parts);
    await kept.close();

    const edited = list.replace(doomed, evidence.keys["hmac"] as string);
    await expect(restore(before, shares, apply(edited))).rejects.toThrow("not one of this store");
  });

  it("keeps what is deleted recoverable for as long as it may be kept, and the log says so", async () => {
    const { parts, clock, kms, ask } = old;
    const key = (await ask("CreateKey", {}))["KeyMetadata"].KeyId;
    await ask("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7 });
    clock.advance(8 * day);
    const deletion = { ...parts, clock, forget: kms.forget };
    await deleteDueKeys(deletion);
    const told = () =>
      readFileSync(join(old.folder, "audit/service.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.includes('"DeleteKeyMaterial"') && line.includes(key)).length;
    const admin = await openHsmAdmin(parts.hsms.primary.config);
    const domainKeys = new Set((await admin.domainKeys()).map(({ id }) => id));
    await admin.close();
    await buryTombstones(deletion, domainKeys);
    expect(told()).toBe(0);
    clock.advance(90 * day);
    await buryTombstones(deletion, new Set());
    expect(told()).toBe(0);
    await buryTombstones(deletion, domainKeys);
    expect(told()).toBe(1);
  });
});
