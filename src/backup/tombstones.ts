import { fromHex, hex, utf8 } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { type DeletionParts, deleteAgain, tombstones } from "../kms/deletion.ts";
import type { SealedStore } from "../store/sealed.ts";

/**
 * `{"version":1,"madeAt":…,"keys":[{"account":…,"region":…,"id":…}, …]}`, a newline, and HMAC(index key, the line before),
 * hexadecimal: keys that have been deleted and must not come back from an older backup of the same store.
 */
export async function formatTombstones(store: SealedStore, madeAt: Date): Promise<string> {
  const line = JSON.stringify({ version: 1, madeAt: madeAt.toISOString(), keys: await tombstones(store) });
  return `${line}\n${hex(store.authenticate(utf8(line)))}\n`;
}

/** Deletes what the list names. Answers how many keys were there; ConfigError when it is not a list of this store. */
export async function applyTombstones(parts: DeletionParts, list: string): Promise<number> {
  const [line = "", tag = ""] = list.split("\n");
  const { store } = parts;
  if (!/^[0-9a-f]{64}$/.test(tag) || !store.isAuthentic(utf8(line), fromHex(tag))) {
    throw new ConfigError("the list of tombstones is not one of this store, or has been edited");
  }
  const { keys } = JSON.parse(line) as { keys: Parameters<typeof deleteAgain>[1][] };
  let deleted = 0;
  for (const key of keys) deleted += (await deleteAgain(parts, key)) ? 1 : 0;
  return deleted;
}
