import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { Chain, windowLength } from "../../src/store/chain.ts";
import { Keyring } from "../../src/store/keyring.ts";
import { path } from "../../src/store/path.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import { engine, Home } from "./home.ts";

const recordPath = path("key", "111122223333", "eu-west-1", "a");
const overwrite = async (store: SealedStore, times: number): Promise<void> => {
  let revision = (await store.get(recordPath))?.revision ?? 0;
  for (let i = 0; i < times; i++) await store.commit([{ path: recordPath, value: utf8(`${i}`), revision: revision++ }]);
};

let home: Home;
let store: SealedStore;

beforeEach(async () => {
  home = await Home.make();
  store = await home.open();
});
afterEach(async () => {
  await store.close();
  home.dispose();
});

function changes(): string[] {
  const db = new DatabaseSync(home.file, { readOnly: true });
  const rows = db.prepare("SELECT path FROM record WHERE path LIKE 'change/%' ORDER BY path").all();
  db.close();
  return rows.map(({ path }) => path as string);
}

test("commits that wait together share a change", async () => {
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      store.commit([{ path: path("key", "111122223333", "eu-west-1", `n${i}`), value: utf8("x"), revision: 0 }]),
    ),
  );
  expect(changes().length).toBeLessThan(10);
  await Promise.all(
    [1, 2].map(() => store.commit([{ path: recordPath, value: utf8("x"), revision: 0 }]).catch(() => {})),
  );
  expect((await store.get(recordPath))?.revision).toBe(1);
});

test("only a window of changes is kept, and a process that fell out of it reads the table again", async () => {
  const slow = await home.open({});
  await overwrite(slow, 1);
  await overwrite(store, windowLength + 20);
  expect(changes()).toHaveLength(windowLength);
  expect((await slow.get(recordPath))?.revision).toBe(windowLength + 21);
  await overwrite(slow, 1);
  await slow.close();
  await store.verify();
  await store.close();
  store = await home.open({});
  expect((await store.get(recordPath))?.revision).toBe(windowLength + 22);
});

test("a table that is checked while others commit to it is not taken for a damaged one", async () => {
  let committing = true;
  let count = 0;
  const commits = (async () => {
    for (; committing; count++) {
      const writes = [0, 1, 2].map((i) => path("key", "111122223333", "eu-west-1", `n${count}-${i}`));
      await store.commit(writes.map((path) => ({ path, value: new Uint8Array(500), revision: 0 })));
    }
  })();
  for (let i = 1; i <= 3; i++) {
    const other = await home.open({});
    await other.verify();
    await overwrite(other, 20);
    await other.close();
  }
  committing = false;
  await commits;
  expect(count).toBeGreaterThan(20);
  await store.verify();
});

test("a change whose author sees another table is refused, again and again", async () => {
  const hsms = await home.hsms();
  const inner = await openSqlite(home.file);
  const keyring = new Keyring(hsms, engine);
  const chain = await Chain.load(inner, keyring);
  chain.manifest.apply([{ stored: "key/other", row: { revision: 1, hash: "00".repeat(32) } }]);
  const { writes } = chain.append([]);
  await inner.commit(writes);
  keyring.close();
  await inner.close();
  await hsms.close();
  for (let i = 0; i < 2; i++) await expect(store.get(recordPath)).rejects.toThrow("does not follow from the table");
});

test("anchors asked for together are one", async () => {
  await overwrite(store, 1);
  const first = store.anchor();
  expect(store.anchor()).toBe(first);
  await first;
});
