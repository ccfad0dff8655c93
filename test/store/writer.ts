/**
 * A process that commits pairs of records, to be killed, starved and traced:
 * `node writer.ts sealed|sqlite <folder> <first> <count> <in flight>`. It says `begin <n>` before each commit, then
 * `ack <n>` or `failed <n> <kind> <message>`; it stops after ten failures.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../src/base/bytes.ts";
import { StoreError } from "../../src/base/errors.ts";
import { path } from "../../src/store/path.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import type { Store, Write } from "../../src/store/store.ts";
import { Home } from "./home.ts";

/** Both hold the same value, or neither is there. */
export const pairOf = (n: number): readonly [string, string] => [
  path("key", "a", "b", `${n}`),
  path("alias", "a", "b", `${n}`),
];
export const stamp = (n: number): Uint8Array => utf8(`${n}:`.padEnd(1000, "#"));

if (import.meta.main) await run();

async function run(): Promise<void> {
  const [kind, folder, first, count, inFlight] = process.argv.slice(2) as [string, string, string, string, string];
  const store = kind === "sealed" ? await new Home(folder).open({}) : await openSqlite(join(folder, "store.db"));
  let next = Number(first);
  let failures = 0;
  const line = async (): Promise<void> => {
    while (next < Number(first) + Number(count) && failures < 10) if (!(await commitOne(store, next++))) failures += 1;
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, line));
  await store.close();
  writeSync(1, "closed\n");
}

async function commitOne(store: Store, n: number): Promise<boolean> {
  writeSync(1, `begin ${n}\n`);
  try {
    await store.commit(pairOf(n).map((path): Write => ({ path, value: stamp(n), revision: 0 })));
    writeSync(1, `ack ${n}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    writeSync(1, `failed ${n} ${error.kind} ${error.message}\n`);
    return false;
  }
}
