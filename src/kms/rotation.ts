import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError, StoreError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { parseJson } from "../model/json.ts";
import { arnOf, type KeyRecord, type RotationType } from "../model/key.ts";
import { checkQuota } from "../model/quotas.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Expectation, Write } from "../store/store.ts";
import { callOff, dueAt, plan } from "./agenda.ts";
import { DomainRecords } from "./domain-record.ts";
import { keyEvent } from "./events.ts";
import { withRotation } from "./imported-material.ts";
import { newMaterial } from "./material.ts";
import { keyPath, writeKey } from "./records.ts";

const day = 86_400_000;

/** Automatic rotation of `key` every `periodInDays` from `now` on. A new period counts from where the old one began. */
export function enableRotation(key: KeyRecord, revision: number, periodInDays: number, now: number): Write[] {
  const before = key.rotation;
  const begin = before ? before.next - before.periodInDays * day : now;
  const next = Math.max(now, begin + periodInDays * day);
  const rotation = { periodInDays, next, planned: (before?.planned ?? 0) + 1 };
  return [writeKey({ ...key, rotation }, revision), plan("rotation", key, next, before?.planned ?? 0)];
}

export function disableRotation(key: KeyRecord, revision: number): Write[] {
  const { rotation, ...kept } = key;
  return rotation ? [writeKey(kept, revision), callOff("rotation", key, rotation.planned)] : [];
}

export interface Rotation {
  readonly writes: readonly Write[];
  readonly expectations: readonly Expectation[];
  /** CloudTrail's `serviceEventDetails`. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * New material that encrypts from now on, or the imported one that waits for it; what is older decrypts for ever. An
 * automatic rotation plans the next one.
 */
export async function rotate(
  hsms: HsmSet,
  domain: DomainRecords,
  { key, revision, type, now }: { key: KeyRecord; revision: number; type: RotationType; now: number },
): Promise<Rotation> {
  if (key.origin === "EXTERNAL") {
    const rotated = withRotation(key, now);
    return { writes: [writeKey(rotated, revision)], expectations: [], details: detailsOf(key, rotated, type) };
  }
  const { hbkId, write, expectation } = await newMaterial(hsms, domain, key);
  const materials = [...key.materials, { hbkId, rotation: { type, date: now } }];
  const rotated = { ...key, hbkId, materials };
  const details = detailsOf(key, rotated, type);
  if (type === "ON_DEMAND" || !key.rotation) {
    return { writes: [writeKey(rotated, revision), write], expectations: [expectation], details };
  }
  const { periodInDays, planned } = key.rotation;
  const next = now + periodInDays * day;
  const again = { ...rotated, rotation: { periodInDays, next, planned: planned + 1 } };
  const writes = [writeKey(again, revision), write, plan("rotation", key, next, planned)];
  return { writes, expectations: [expectation], details };
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
  const now = clock.now();
  let count = 0;
  for (const due of await dueAt(store, "rotation", now)) {
    const stored = await store.get(keyPath(due.account, due.region, due.id));
    if (!stored) continue;
    const key = parseJson(fromUtf8(stored.value)) as KeyRecord;
    if (key.state !== "Enabled") continue;
    const rotation = await rotate(hsms, domain, { key, revision: stored.revision, type: "AUTOMATIC", now });
    try {
      await outbox.commit(rotation.writes, keyEvent("RotateKey", key, rotation.details), rotation.expectations);
      count += 1;
    } catch (error) {
      // Somebody has changed the key: the next run sees what is there.
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
    forget(rotation.writes);
  }
  return count;
}

const automaticSoon = 20 * 60_000;

/** Whether the key may be rotated on demand now. */
export function checkOnDemand(key: KeyRecord, now: number): void {
  const done = key.materials.filter(({ rotation }) => rotation?.type === "ON_DEMAND").length;
  checkQuota("onDemandRotationsPerKey", done + 1, arnOf(key));
  if (key.rotation && key.rotation.next - now < automaticSoon) {
    throw new KmsError("ConflictException", `An automatic rotation of ${arnOf(key)} is due within 20 minutes.`);
  }
}
