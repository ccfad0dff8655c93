/** Fills the disk of `node full-disk.ts <folder>`, makes room, and says what the store did. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../../src/base/errors.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import type { Store } from "../../src/store/store.ts";

const folder = process.argv[2] as string;
const file = join(folder, "store.db");
const ballast = join(folder, "ballast");
const value = new Uint8Array(5000).fill(7);
let acknowledged = 0;

writeFileSync(ballast, new Uint8Array(300_000));
const store = await openSqlite(file, { create: true });
console.log(`full: ${await fill(store)}`);
console.log(`lost: ${await lost(store)} of ${acknowledged}`);
rmSync(ballast);
await store.commit([{ path: `key/${acknowledged}`, value, revision: 0 }]);
acknowledged += 1;
console.log("with room: committed");
await store.close();
const again = await openSqlite(file);
console.log(`lost after opening again: ${await lost(again)} of ${acknowledged}`);
await again.close();

async function fill(into: Store): Promise<string> {
  for (;;) {
    try {
      await into.commit([{ path: `key/${acknowledged}`, value, revision: 0 }]);
      acknowledged += 1;
    } catch (error) {
      if (error instanceof StoreError) return `${error.kind} ${error.message}`;
      throw error;
    }
  }
}

async function lost(from: Store): Promise<number> {
  let count = 0;
  for (let i = 0; i < acknowledged; i++) if ((await from.get(`key/${i}`))?.value.length !== value.length) count += 1;
  return count;
}
