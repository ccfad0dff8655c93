import { fromHex, hex, utf8 } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { type Deleted, deleteAgain, deletedFrom } from "../kms/deleted-again.ts";
import type { DeletionParts } from "../kms/deletion.ts";
import type { SealedStore } from "../store/sealed.ts";

/**
 * One line of JSON, `{"version":1,"madeAt":…,"keys":[…],"materials":[…]}` (`Deleted`), and one with the store's tag over it,
 * hexadecimal: what must not come back from an older backup of the same store.
 */
export async function formatTombstones(store: SealedStore, madeAt: Date): Promise<string> {
  const line = JSON.stringify({ version: 1, madeAt: madeAt.toISOString(), ...(await deletedFrom(store)) });
  return `${line}\n${hex(store.authenticate(utf8(line)))}\n`;
}

/** Deletes what the list names. Answers how much was there; ConfigError when it is not a list of this store. */
export async function applyTombstones(parts: DeletionParts, list: string): Promise<number> {
  const [line = "", tag = ""] = list.split("\n");
  if (!/^[0-9a-f]{64}$/.test(tag) || !parts.store.isAuthentic(utf8(line), fromHex(tag))) {
    throw new ConfigError("the list of tombstones is not one of this store, or has been edited");
  }
  return deleteAgain(parts, JSON.parse(line) as Deleted);
}
