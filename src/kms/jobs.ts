import type { Principals } from "../access/principals.ts";
import type { Outbox } from "../audit/outbox.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { HsmAdmin } from "../hsm/admin.ts";
import type { HsmConfig } from "../hsm/config.ts";
import type { DomainKey, DomainKeyId } from "../hsm/domain-key.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { destroyedEverywhere } from "../hsm/shared-domain.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { ClockGuard } from "./clock-guard.ts";
import { buryTombstones, deleteDueKeys } from "./deletion.ts";
import { DomainKeys } from "./domain-keys.ts";
import { deleteExpiredMaterial } from "./expiry.ts";
import { Housekeeping, type Job } from "./housekeeping.ts";
import { KeyStoreConnections } from "./key-store-connections.ts";
import type { Kms } from "./kms.ts";
import type { MissingHsms } from "./missing-hsms.ts";
import { hbkIdAt } from "./records.ts";
import { Replication } from "./replication.ts";
import { rotateDueKeys } from "./rotation.ts";

export interface JobParts {
  readonly store: SealedStore;
  readonly hsms: HsmSet;
  readonly openAdmin: (config: HsmConfig) => Promise<HsmAdmin>;
  readonly principals: Principals;
  readonly outbox: Outbox;
  readonly kms: Kms;
  readonly missing: MissingHsms;
  readonly clock: Clock;
}

const second = 1_000;
const minute = 60 * second;
/** As AWS does with its own. */
const rotationPeriod = 24 * 60 * minute;

/** What the clock asks of the service. */
export async function startHousekeeping(
  parts: JobParts,
  report: (job: string, error: unknown) => void,
): Promise<Housekeeping> {
  const { forget } = parts.kms;
  const domainKeys = parts.hsms.members.map((member) => new DomainKeys({ ...parts, forget, member }));
  for (const keys of domainKeys) {
    try {
      if (keys.member.opened) await keys.adopt();
    } catch (error) {
      // One of several HSMs does not keep the service from starting: the rotation of its domain key adopts it later.
      if (domainKeys.length === 1) throw error;
      report(rotationName(keys), error);
    }
  }
  const guard = new ClockGuard(parts.store);
  const housekeeping = new Housekeeping(jobs(parts, domainKeys, guard), report);
  housekeeping.start();
  return housekeeping;
}

function jobs(parts: JobParts, domainKeys: readonly DomainKeys[], guard: ClockGuard): readonly Job[] {
  const { store, hsms, clock, outbox, kms, missing } = parts;
  const gone = new Set<string>();
  const forget = (writes: readonly Write[]): void => {
    for (const hbkId of removedHbks(writes)) gone.add(hbkId);
    kms.forget(writes);
  };
  const deletion = { store, clock, outbox, forget };
  const expiry = { ...deletion, imports: kms.imports };
  const rotation = { ...deletion, hsms };
  const ifClocksAgree = (run: () => Promise<unknown>) => async () => {
    const suspended = await guard.check();
    if (suspended) throw new StoreError("unavailable", `nothing is destroyed: ${suspended}`);
    await run();
  };
  return [
    { name: "missing HSMs", period: 60 * minute, atStart: true, run: () => missing.look() },
    { name: "anchor", period: minute, run: () => store.anchor() },
    { name: "store verification", period: 60 * minute, run: () => store.verify() },
    { name: "deletion", period: minute, run: ifClocksAgree(() => deleteDueKeys(deletion)) },
    { name: "expiry", period: minute, run: ifClocksAgree(() => deleteExpiredMaterial(expiry)) },
    {
      name: "destruction",
      period: minute,
      run: ifClocksAgree(async () => {
        const ids = new Set(gone);
        for (const keys of domainKeys) await keys.destroy(ids);
        for (const id of ids) gone.delete(id);
      }),
    },
    { name: "rotation", period: minute, run: () => rotateDueKeys(rotation) },
    { name: "last usage", period: 5 * minute, run: () => kms.lastUsage.flush() },
    ...domainKeys.map(rotationOf),
    ...replicationOf(parts),
    connectionsOf(parts),
    {
      name: "domain key retirement",
      period: 60 * minute,
      run: ifClocksAgree(async () => {
        const all: (readonly DomainKey[])[] = [];
        // One by one: two of a cluster change one state.
        for (const keys of domainKeys) all.push(await keys.retire());
        await buryTombstones(deletion, destroyedEverywhere(all));
      }),
    },
  ];
}

const removedHbks = (writes: readonly Write[]): string[] =>
  writes.filter(({ value }) => value === undefined).flatMap(({ path }) => hbkIdAt(path) ?? []);

const rotationName = ({ member }: DomainKeys): string => `domain key rotation of ${member.name}`;

function rotationOf(domainKeys: DomainKeys): Job {
  /** What every token of this HSM is known to be under: a crash may have left some under an older one. */
  let all: DomainKeyId | undefined;
  const rewrapTo = async (active: DomainKeyId) => {
    if (active !== all) await domainKeys.rewrap();
    all = active;
  };
  return {
    name: rotationName(domainKeys),
    period: 10 * minute,
    run: toldOnce(async () => {
      await rewrapTo(await domainKeys.adopt());
      if (await domainKeys.isDue(rotationPeriod)) await rewrapTo(await domainKeys.rotate());
    }),
  };
}

/** What fails as it failed the last time is not told again: it may wait for an operator for days. */
function toldOnce(run: () => Promise<void>): () => Promise<void> {
  let told = "";
  return async () => {
    try {
      await run();
      told = "";
    } catch (error) {
      const { message } = error as Error;
      if (message === told) return;
      told = message;
      throw error;
    }
  };
}

/** Connections of custom key stores are made and ended in the background, as on AWS. */
function connectionsOf(parts: JobParts): Job {
  const connections = new KeyStoreConnections({ ...parts, forget: parts.kms.forget, keyStores: parts.kms.keyStores });
  parts.kms.watch("key-stores", (path) => connections.note(path));
  return { name: "custom key store connections", period: second / 5, run: () => connections.run() };
}

function replicationOf(parts: JobParts): readonly Job[] {
  const replication = new Replication({ ...parts, forget: parts.kms.forget });
  if (!replication.isNeeded) return [];
  parts.kms.watch("hbk", (path) => replication.note(path));
  return [{ name: "replication", period: second, run: () => replication.run() }];
}
