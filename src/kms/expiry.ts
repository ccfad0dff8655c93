import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import { parseJson } from "../model/json.ts";
import type { KeyRecord } from "../model/key.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { dueAt } from "./agenda.ts";
import { keyEvent } from "./events.ts";
import type { Imports } from "./imports.ts";
import { keyPath } from "./records.ts";

export interface ExpiryParts {
  readonly store: SealedStore;
  readonly imports: Imports;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly forget: (writes: readonly Write[]) => void;
}

/** Deletes imported material whose time is over. Answers how much. */
export async function deleteExpiredMaterial(parts: ExpiryParts): Promise<number> {
  const { store, clock } = parts;
  let deleted = 0;
  for (const { account, region, id, material = "" } of await dueAt(store, "expiry", clock.now())) {
    const stored = await store.get(keyPath(account, region, id));
    if (!stored) continue;
    const key = parseJson(fromUtf8(stored.value)) as KeyRecord;
    deleted += (await deleteMaterial(parts, key, stored.revision, material)) ? 1 : 0;
  }
  if (deleted > 0) await store.scrub();
  return deleted;
}

async function deleteMaterial(
  parts: ExpiryParts,
  key: KeyRecord,
  revision: number,
  keyMaterialId: string,
): Promise<boolean> {
  const { store, imports, outbox, forget } = parts;
  const writes = await imports.removal(key, revision, keyMaterialId);
  if (!writes) return false;
  await store.anchor();
  try {
    await outbox.commit(writes, keyEvent("DeleteExpiredKeyMaterial", key, { keyMaterialId }));
    return true;
  } catch (error) {
    // Somebody has changed the key: the next run sees what is there.
    if (error instanceof StoreError && error.kind === "conflict") return false;
    throw error;
  } finally {
    forget(writes);
  }
}
