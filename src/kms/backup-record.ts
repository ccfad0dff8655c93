import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

const recordPath = path("setting", "backup");

/** Until when some backup may be kept, milliseconds; 0: there was never one. What is deleted now may come back until then. */
export async function backupsUntil(store: Store): Promise<number> {
  const stored = await store.get(recordPath);
  return stored ? (JSON.parse(fromUtf8(stored.value)) as { until: number }).until : 0;
}

/** Before the backup is made, so that no key is deleted between the two unnoticed. */
export async function noteBackup(store: Store, until: number): Promise<void> {
  for (;;) {
    const revision = (await store.get(recordPath))?.revision ?? 0;
    const latest = Math.max(until, await backupsUntil(store));
    try {
      return await store.commit([{ path: recordPath, value: utf8(JSON.stringify({ until: latest })), revision }]);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}
