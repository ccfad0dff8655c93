import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import type { GrantRecord } from "../model/grant.ts";
import { parseJson } from "../model/json.ts";
import type { BackedUp, HbkRecord, KeyRecord, RemovedHbk } from "../model/key.ts";
import { components, path } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { agendaPath, callOff, dueAt } from "./agenda.ts";
import { backedUp } from "./backup-record.ts";
import { erasedDomainKeys } from "./erased.ts";
import { keyEvent } from "./events.ts";
import { grantPrefix, type KeyName, removeGrant } from "./grant-records.ts";
import { withoutKey } from "./key-set.ts";
import { membershipPath } from "./key-store-records.ts";
import { usagePath } from "./last-usage.ts";
import { aliasPath, hbkPath, keyPath, remove, removedPath, writeRemoved } from "./records.ts";

/**
 * A deleted key's material: recoverable from old copies of the store until every domain key that wrapped it is gone, and
 * from backups until the last one that has it may no longer be kept.
 */
interface Tombstone extends KeyName, BackedUp {
  readonly domainKeys: readonly string[];
}

export interface DeletionParts {
  readonly store: SealedStore;
  /** Told of what has been removed. */
  readonly forget: (writes: readonly Write[]) => void;
  readonly clock: Clock;
  readonly outbox: Outbox;
}

/** Removes keys whose waiting period is over, with their material, aliases and grants. Answers how many. */
export async function deleteDueKeys(parts: DeletionParts): Promise<number> {
  let deleted = 0;
  for (const due of await dueAt(parts.store, "deletion", parts.clock.now())) {
    deleted += (await deleteKey(parts, due, due.revision)) ? 1 : 0;
  }
  if (deleted > 0) await parts.store.scrub();
  return deleted;
}

/**
 * `planned`: the revision of its record on the agenda. false when another process was first. Grants go first: a crash
 * between leaves a key that is still due.
 */
export async function deleteKey(parts: DeletionParts, name: KeyName, planned: number): Promise<boolean> {
  const { store, forget, outbox } = parts;
  await deleteGrants(parts, name);
  const stored = await store.get(keyPath(name.account, name.region, name.id));
  if (!stored) return false;
  const key = parseJson(fromUtf8(stored.value)) as KeyRecord;
  const read = (paths: readonly string[]) => Promise.all(paths.map((recordPath) => store.get(recordPath)));
  const hbks = await read(key.materials.map(({ hbkId }) => hbkPath(key.region, hbkId)));
  const removed = await read(key.materials.map(({ hbkId }) => removedPath(key.region, hbkId)));
  const others = await read([
    ...key.materials.map(({ hbkId }) => agendaPath("expiry", key, hbkId)),
    ...key.aliases.map((name) => aliasPath(key.account, key.region, name)),
    agendaPath("rotation", key),
    ...(key.customKeyStoreId === undefined ? [] : [membershipPath(key)]),
    usagePath(key),
  ]);
  const material = [...hbks, ...removed].filter((record) => record !== undefined);
  const domainKeys = material.flatMap(
    ({ value }) => (JSON.parse(fromUtf8(value)) as HbkRecord | RemovedHbk).domainKeys,
  );
  const { account, region, id } = key;
  const tombstone: Tombstone = { account, region, id, domainKeys, ...(await backedUp(store)) };
  const gone = [stored, ...material, ...others].filter((record) => record !== undefined);
  const writes: Write[] = [
    ...(await withoutKey(store, key, parts.clock.now())),
    callOff("deletion", key, planned),
    ...gone.map((record) => remove(record.path, record.revision)),
    { path: path("tombstone", "key", `${key.region}:${key.id}`), value: utf8(JSON.stringify(tombstone)), revision: 0 },
  ];
  await store.anchor();
  try {
    await outbox.commit(writes, keyEvent("DeleteKey", key));
  } catch (error) {
    if (error instanceof StoreError && error.kind === "conflict") return false;
    throw error;
  }
  forget(writes);
  return true;
}

/** Grants of one commit. */
const grantBatch = 64;

/** No new ones come: a key that is due is there for nobody. */
async function deleteGrants({ store, forget }: DeletionParts, key: KeyName): Promise<void> {
  const next = () => store.list(grantPrefix(key), { limit: grantBatch });
  for (let page = await next(); page.length > 0; page = await next()) {
    const writes = page.flatMap(({ value }) => removeGrant(parseJson(fromUtf8(value)) as GrantRecord));
    await store.commit(writes);
    forget(writes);
  }
}

export const tombstonePrefix = "tombstone/key/";

/**
 * Tells of all deleted material whose last domain key has been destroyed, and whose last backup is out of date: from now on
 * it cannot be recovered. Of imported material that may come back its name is kept. A domain key of an HSM that is not
 * configured any more may still be there: of what it has wrapped this is told when an operator says that it is erased.
 */
export async function buryTombstones(parts: DeletionParts, destroyed: ReadonlySet<string>): Promise<void> {
  const { store, outbox, clock } = parts;
  const gone = destroyed.union(await erasedDomainKeys(store));
  const isGone = ({ domainKeys, backups = 0 }: Tombstone | RemovedHbk): boolean =>
    backups <= clock.now() && domainKeys.every((id) => gone.has(id));
  for (const { path: tombstonePath, value, revision } of await store.list(tombstonePrefix)) {
    const tombstone = JSON.parse(fromUtf8(value)) as Tombstone;
    if (!isGone(tombstone)) continue;
    await outbox.commit([remove(tombstonePath, revision)], keyEvent("DeleteKeyMaterial", tombstone));
  }
  for (const { path: removedAt, value, revision } of await store.list("removed/")) {
    const removed = JSON.parse(fromUtf8(value)) as RemovedHbk;
    if (removed.domainKeys.length === 0 || !isGone(removed)) continue;
    const [, , keyMaterialId] = components(removedAt) as [string, string, string];
    const write = (await isNamed(store, removed, keyMaterialId))
      ? writeRemoved(keyMaterialId, { ...removed, domainKeys: [] }, revision)
      : remove(removedAt, revision);
    await outbox.commit([write], keyEvent("DeleteKeyMaterial", removed, { keyMaterialId }));
  }
}

/** How much deleted material waits for each domain key that may still be there. */
export async function awaitedDomainKeys(store: Pick<SealedStore, "get" | "list">): Promise<Map<DomainKeyId, number>> {
  const records = [...(await store.list(tombstonePrefix)), ...(await store.list("removed/"))];
  const erased = await erasedDomainKeys(store);
  const awaited = new Map<DomainKeyId, number>();
  for (const { value } of records) {
    const { domainKeys } = JSON.parse(fromUtf8(value)) as Tombstone | RemovedHbk;
    for (const id of new Set(domainKeys).difference(erased)) awaited.set(id, (awaited.get(id) ?? 0) + 1);
  }
  return awaited;
}

/** Whether its key still counts the material among its own. */
async function isNamed(store: Pick<SealedStore, "get">, key: KeyName, hbkId: string): Promise<boolean> {
  const stored = await store.get(keyPath(key.account, key.region, key.id));
  const materials = stored ? (parseJson(fromUtf8(stored.value)) as KeyRecord).materials : [];
  return materials.some((material) => material.hbkId === hbkId);
}
