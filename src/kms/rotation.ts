import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError, StoreError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { parseJson } from "../model/json.ts";
import { arnOf, type KeyRecord, type RotationType } from "../model/key.ts";
import { limits, quotas } from "../model/quotas.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { callOff, dueAt, plan } from "./agenda.ts";
import { DomainRecords } from "./domain-record.ts";
import { keyEvent } from "./events.ts";
import { withRotation } from "./imported-material.ts";
import { newMaterial } from "./material.ts";
import { type Consequence, MultiRegion } from "./multi-region.ts";
import { keyPath, writeKey } from "./records.ts";

const day = 86_400_000;

/** Automatic rotation of `key` every `periodInDays` from `now` on. A new period counts from where the old one began. */
export function enableRotation(key: KeyRecord, periodInDays: number, now: number): Planned {
  const before = key.rotation;
  const begin = before ? before.next - before.periodInDays * day : now;
  const next = Math.max(now, begin + periodInDays * day);
  const rotation = { periodInDays, next, planned: (before?.planned ?? 0) + 1 };
  return { key: { ...key, rotation }, write: plan("rotation", key, next, before?.planned ?? 0) };
}

/** undefined: it is disabled already. */
export function disableRotation(key: KeyRecord): Planned | undefined {
  const { rotation, ...kept } = key;
  return rotation && { key: kept, write: callOff("rotation", key, rotation.planned) };
}

/** A key as it will be, and its agenda. */
interface Planned {
  readonly key: KeyRecord;
  readonly write: Write;
}

export interface Rotation extends Consequence {
  /** CloudTrail's `serviceEventDetails`. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * New material that encrypts from now on, or the imported one that waits for it; what is older decrypts for ever. An
 * automatic rotation plans the next one.
 */
export async function rotate(
  { hsms, domain, regions }: { hsms: HsmSet; domain: DomainRecords; regions: MultiRegion },
  { key, revision, type, now }: { key: KeyRecord; revision: number; type: RotationType; now: number },
): Promise<Rotation> {
  if (key.origin === "EXTERNAL") {
    const rotated = withRotation(key, await regions.others(key), now);
    const shared = await regions.share(rotated);
    const writes = [writeKey(rotated, revision), ...shared.writes];
    return { ...shared, writes, details: detailsOf(key, rotated, type) };
  }
  const { hbkId, ekt, write, expectation } = await newMaterial(hsms, domain, key);
  const materials = [...key.materials, { hbkId, rotation: { type, date: now } }];
  const rotated = { ...key, hbkId, materials };
  const details = detailsOf(key, rotated, type);
  const after = type === "AUTOMATIC" ? planAgain(rotated, now) : { key: rotated, writes: [] };
  const shared = await regions.share(after.key, [ekt]);
  return {
    ...shared,
    writes: [writeKey(after.key, revision), write, ...after.writes, ...shared.writes],
    expectations: [expectation, ...shared.expectations],
    details,
  };
}

function planAgain(key: KeyRecord, now: number): { key: KeyRecord; writes: readonly Write[] } {
  if (!key.rotation) return { key, writes: [] };
  const { periodInDays, planned } = key.rotation;
  const next = now + periodInDays * day;
  const again = { ...key, rotation: { periodInDays, next, planned: planned + 1 } };
  return { key: again, writes: [plan("rotation", key, next, planned)] };
}

const detailsOf = (before: KeyRecord, after: KeyRecord, type: RotationType) => ({
  rotationType: type,
  keyOrigin: before.origin,
  previousKeyMaterialId: before.hbkId,
  currentKeyMaterialId: after.hbkId,
});

export interface RotationParts {
  readonly store: SealedStore;
  readonly hsms: HsmSet;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly forget: (writes: readonly Write[]) => void;
}

/** Rotates the keys whose time has come. One that is not enabled waits until it is. Answers how many. */
export async function rotateDueKeys({ store, hsms, outbox, clock, forget }: RotationParts): Promise<number> {
  const domain = new DomainRecords(store);
  const regions = new MultiRegion({ store, hsms, domain });
  const now = clock.now();
  let count = 0;
  for (const due of await dueAt(store, "rotation", now)) {
    const stored = await store.get(keyPath(due.account, due.region, due.id));
    if (!stored) continue;
    const key = parseJson(fromUtf8(stored.value)) as KeyRecord;
    if (key.state !== "Enabled") continue;
    const rotation = await rotate(
      { hsms, domain, regions },
      { key, revision: stored.revision, type: "AUTOMATIC", now },
    );
    try {
      const events = [keyEvent("RotateKey", key, rotation.details), ...rotation.events];
      await outbox.commit(rotation.writes, events, rotation.expectations);
      count += 1;
    } catch (error) {
      // Somebody has changed the key: the next run sees what is there.
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
    forget(rotation.writes);
  }
  return count;
}

/** Whether the key may be rotated on demand now. */
export function checkOnDemand(key: KeyRecord, now: number): void {
  const done = key.materials.filter(({ rotation }) => rotation?.type === "ON_DEMAND").length;
  const arn = arnOf(key);
  if (done >= quotas.onDemandRotationsPerKey) {
    throw new KmsError("LimitExceededException", "onDemandRotationsPerKey", { arn });
  }
  const minutes = limits.onDemandRotationMinutes;
  if (key.rotation && key.rotation.next - now < minutes * 60_000) {
    throw new KmsError("ConflictException", "rotationSoon", { arn, minutes });
  }
}
