import { barrierPath } from "./barrier.ts";
import type { Keyring } from "./keyring.ts";
import type { Entry } from "./manifest.ts";
import { scan } from "./scan.ts";
import type { Store } from "./store.ts";

/**
 * Says, for people, where a table and its chain part; `recent` has the last change of every path in the window. Stored
 * paths may be shown: names in them are hashed.
 */
export async function findFault(inner: Store, keyring: Keyring, recent: readonly Entry[]): Promise<string> {
  const expected = new Map(recent.map((entry) => [entry.stored, entry.row]));
  for await (const rows of scan(inner)) {
    for (const { path, revision, value } of rows) {
      if (path !== barrierPath && !keyring.open(path, revision, value)) {
        return `record ${path} is not authentic: edited, moved or sealed by another store`;
      }
      const known = expected.has(path);
      const row = expected.get(path);
      expected.delete(path);
      if (known && !row) return `record ${path} had been deleted, and was put back`;
      if (row && (row.revision !== revision || row.hash !== keyring.hash(value))) {
        return `record ${path} is not the one that was written last: an older one was put back`;
      }
    }
  }
  const missing = [...expected].find(([, row]) => row)?.[0];
  return missing
    ? `record ${missing} is missing`
    : "the table is not what the chain of changes says: records were removed, added or put back";
}
