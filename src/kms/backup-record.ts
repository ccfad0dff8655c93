import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { BackedUp } from "../model/key.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

const recordPath = path("setting", "backup");

/** Goes with what is deleted now. */
export async function backedUp(store: Pick<Store, "get">): Promise<BackedUp> {
  const stored = await store.get(recordPath);
  return stored ? (JSON.parse(fromUtf8(stored.value)) as BackedUp) : {};
}

/** `until`: how long it may be kept. Before the backup is made, so that no key is deleted between the two unnoticed. */
export async function noteBackup(store: Store, until: number): Promise<void> {
  for (;;) {
    const revision = (await store.get(recordPath))?.revision ?? 0;
    const { backups = 0 } = await backedUp(store);
    const value = utf8(JSON.stringify({ backups: Math.max(until, backups) } satisfies BackedUp));
    try {
      return await store.commit([{ path: recordPath, value, revision }]);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}
