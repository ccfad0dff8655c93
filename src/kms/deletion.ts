import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { HbkRecord, KeyRecord } from "../model/key.ts";
import { path } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { keyEvent } from "./events.ts";
import { aliasPath, hbkPath, keyPath, remove } from "./records.ts";

/** What is due, one record a key: found without a walk over all keys. */
interface DueDeletion {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  /** Milliseconds. */
  readonly due: number;
}

/** A deleted key's material: recoverable from old copies of the store until every domain key that wrapped it is gone. */
interface Tombstone {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly domainKeys: readonly string[];
}

const duePath = (key: Pick<KeyRecord, "account" | "region" | "id">): string =>
  path("job", "deletion", `${key.account}:${key.region}:${key.id}`);

/** Goes into the commit that schedules the deletion. */
export const scheduleDeletion = ({ account, region, id }: KeyRecord, due: number): Write => ({
  path: duePath({ account, region, id }),
  value: utf8(JSON.stringify({ account, region, id, due } satisfies DueDeletion)),
  revision: 0,
});

/** Goes into the commit that cancels it: the record is written once, so its revision is known. */
export const unscheduleDeletion = (key: KeyRecord): Write => remove(duePath(key), 1);

export interface DeletionParts {
  readonly store: SealedStore;
  /** Told of what has been removed. */
  readonly forget: (writes: readonly Write[]) => void;
  readonly clock: Clock;
  readonly outbox: Outbox;
}

/** Removes keys whose waiting period is over, with their material and aliases. Answers how many. */
export async function deleteDueKeys(parts: DeletionParts): Promise<number> {
  const now = parts.clock.now();
  let deleted = 0;
  for (const { value, revision, path: job } of await parts.store.list("job/deletion/")) {
    const due = JSON.parse(fromUtf8(value)) as DueDeletion;
    if (due.due > now) continue;
    deleted += (await deleteKey(parts, due, remove(job, revision))) ? 1 : 0;
  }
  if (deleted > 0) await parts.store.scrub();
  return deleted;
}

/** false when another process was first. */
async function deleteKey({ store, forget, outbox }: DeletionParts, due: DueDeletion, job: Write): Promise<boolean> {
  const stored = await store.get(keyPath(due.account, due.region, due.id));
  if (!stored) return false;
  const key = JSON.parse(fromUtf8(stored.value)) as KeyRecord;
  const hbk = await store.get(hbkPath(key.region, key.hbkId));
  const aliases = await Promise.all(key.aliases.map((name) => store.get(aliasPath(key.account, key.region, name))));
  const { domainKeys } = hbk ? (JSON.parse(fromUtf8(hbk.value)) as HbkRecord) : { domainKeys: [] };
  const tombstone: Tombstone = { account: key.account, region: key.region, id: key.id, domainKeys };
  const gone = [stored, hbk, ...aliases].filter((record) => record !== undefined);
  const writes: Write[] = [
    job,
    ...gone.map((record) => remove(record.path, record.revision)),
    { path: path("tombstone", "key", key.id), value: utf8(JSON.stringify(tombstone)), revision: 0 },
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

/** Tells of every deleted key whose last domain key has been destroyed: from now on its material cannot be recovered. */
export async function buryTombstones({ store, outbox }: DeletionParts, alive: ReadonlySet<string>): Promise<void> {
  for (const { path: tombstonePath, value, revision } of await store.list("tombstone/key/")) {
    const tombstone = JSON.parse(fromUtf8(value)) as Tombstone;
    if (tombstone.domainKeys.some((id) => alive.has(id))) continue;
    await outbox.commit([remove(tombstonePath, revision)], keyEvent("DeleteKeyMaterial", tombstone));
  }
}
