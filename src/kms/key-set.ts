import { fromUtf8 } from "../base/bytes.ts";
import { parseJson } from "../model/json.ts";
import type { KeyRecord } from "../model/key.ts";
import { otherRegions } from "../model/multi-region.ts";
import type { Store, Write } from "../store/store.ts";
import { plan } from "./agenda.ts";
import { keyPath, type Versioned, writeKey } from "./records.ts";

/** The keys of a set in other regions. */
export async function othersOf(store: Pick<Store, "get">, key: KeyRecord): Promise<readonly Versioned<KeyRecord>[]> {
  const paths = otherRegions(key).map((region) => keyPath(key.account, region, key.id));
  const found = await Promise.all(paths.map((path) => store.get(path)));
  return found.flatMap((stored) =>
    stored ? [{ value: parseJson(fromUtf8(stored.value)) as KeyRecord, revision: stored.revision }] : [],
  );
}

const day = 86_400_000;

/** A set without `gone`, which is deleted: a primary that waited for its last replica begins its own wait. */
export async function withoutKey(store: Pick<Store, "get">, gone: KeyRecord, now: number): Promise<readonly Write[]> {
  const others = await othersOf(store, gone);
  return others.flatMap(({ value: { multiRegion, pendingWindowInDays: days, ...key }, revision }) => {
    const replicas = multiRegion?.replicas.filter((region) => region !== gone.region) ?? [];
    const set = { multiRegion: { primary: multiRegion?.primary ?? key.region, replicas } };
    if (days === undefined) return [writeKey({ ...key, ...set }, revision)];
    if (replicas.length > 0) return [writeKey({ ...key, ...set, pendingWindowInDays: days }, revision)];
    const deletionDate = now + days * day;
    const pending = { ...key, ...set, state: "PendingDeletion", deletionDate } as const;
    return [writeKey(pending, revision), plan("deletion", key, deletionDate, 0)];
  });
}
