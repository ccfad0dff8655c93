import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { initHsm, openHsm } from "../../src/hsm/index.ts";
import { path } from "../../src/store/path.ts";
import { openSealed, type SealedStore } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import { engine, Home, softConfig } from "./home.ts";

const keyPath = (id: string): string => path("key", "111122223333", "eu-west-1", id);
const put = (store: SealedStore, id: string, revision: number, value = `value of ${id}`): Promise<void> =>
  store.commit([{ path: keyPath(id), value: utf8(value), revision }]);

let empty: Home;
let home: Home;

beforeAll(async () => {
  empty = await Home.make();
});
afterAll(() => empty.dispose());
beforeEach(() => {
  home = empty.copy();
});
afterEach(() => home.dispose());

/** SQL on the file, behind the barrier's back. */
function sql(text: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
  const db = new DatabaseSync(home.file, { timeout: 5000 });
  const rows = db.prepare(text).all(...values);
  db.close();
  return rows;
}

const refusal = (kind: string, message: string | RegExp): unknown =>
  expect.objectContaining({ name: "StoreError", kind, message: expect.stringMatching(message) });

describe("a sealed store that was changed while it was closed", () => {
  let made: Home;

  beforeAll(async () => {
    made = empty.copy();
    const store = await made.open();
    for (const id of ["a", "b", "c"]) await put(store, id, 0);
    await put(store, "a", 1, "second value of a");
    await store.commit([{ path: keyPath("c"), value: undefined, revision: 1 }]);
    await store.close();
  });
  afterAll(() => made.dispose());
  beforeEach(() => cpSync(made.folder, home.folder, { recursive: true }));

  test.each([
    [
      "an edited value",
      "UPDATE record SET value = CAST(value || x'00' AS BLOB) WHERE path LIKE 'key/%/b'",
      /record key\/.*\/b is not authentic/,
    ],
    [
      "an edited revision",
      "UPDATE record SET revision = 7 WHERE path LIKE 'key/%/b'",
      /record key\/.*\/b is not authentic/,
    ],
    [
      "a value moved to another record",
      "UPDATE record SET revision = 1, value = (SELECT value FROM record WHERE path LIKE 'key/%/b') WHERE path LIKE 'key/%/a'",
      /record key\/.*\/a is not authentic/,
    ],
    [
      "a record renamed",
      "UPDATE record SET path = replace(path, '/b', '/d') WHERE path LIKE 'key/%/b'",
      /is not authentic/,
    ],
    ["a record removed", "DELETE FROM record WHERE path LIKE 'key/%/b'", /record key\/.*\/b is missing/],
    ["a record added", "INSERT INTO record VALUES ('key/111122223333/eu-west-1/e', 1, x'00')", /\/e is not authentic/],
    [
      "the newest change removed",
      "DELETE FROM record WHERE path = 'change/0000000000000006'",
      /record key\/.*\/c is missing/,
    ],
    ["a change removed", "DELETE FROM record WHERE path = 'change/0000000000000003'", /change 3 is missing/],
    ["the first change removed", "DELETE FROM record WHERE path = 'change/0000000000000001'", /changes are missing/],
    ["every change removed", "DELETE FROM record WHERE path LIKE 'change/%'", /changes are missing/],
    [
      "a change in place of another",
      `UPDATE record SET value = (SELECT value FROM record WHERE path = 'change/0000000000000003')
       WHERE path = 'change/0000000000000002'`,
      /change\/0000000000000002 is not authentic/,
    ],
    [
      "an edited change",
      "UPDATE record SET value = zeroblob(length(value)) WHERE path = 'change/0000000000000002'",
      /change\/0000000000000002 is not authentic/,
    ],
    ["no barrier record", "DELETE FROM record WHERE path = 'barrier'", /barrier record is missing/],
    [
      "a malformed barrier record",
      "UPDATE record SET value = x'7b7d' WHERE path = 'barrier'",
      /barrier record is malformed/,
    ],
    [
      "the tokens of the barrier record exchanged",
      `UPDATE record SET value = CAST(json_object('version', 1, 'index', value ->> '$.records[0]', 'records',
       json_array(value ->> '$.index')) AS BLOB) WHERE path = 'barrier'`,
      /barrier record is malformed/,
    ],
  ])("does not open with %s", async (_, change, message) => {
    sql(change);
    await expect(home.open({})).rejects.toEqual(refusal("corrupt", message));
    await expect(home.open({ acceptRollback: true })).rejects.toEqual(refusal("corrupt", message));
  });

  test.each([
    ["an older value of a record", "a", /record key\/.*\/a is not the one that was written last/],
    ["a deleted record", "c", /record key\/.*\/c had been deleted, and was put back/],
  ])("does not open with %s put back", async (_, id, message) => {
    const store = await home.open({});
    if (id === "c") await put(store, "c", 0, "again");
    const [old] = sql("SELECT * FROM record WHERE path LIKE ?", `key/%/${id}`);
    const { revision } = (await store.get(keyPath(id))) ?? { revision: 0 };
    await store.commit([{ path: keyPath(id), value: id === "a" ? utf8("third") : undefined, revision }]);
    await store.close();
    const { path, revision: oldRevision, value } = old as { path: string; revision: number; value: Uint8Array };
    sql("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", path, oldRevision, value);
    await expect(home.open({})).rejects.toEqual(refusal("corrupt", message));
  });

  test("does not open with another store's record or barrier put in", async () => {
    const other = await Home.make();
    const theirs = await other.open();
    await put(theirs, "b", 0);
    await theirs.close();
    sql("ATTACH ? AS other", other.file);
    for (const where of ["path LIKE 'key/%/b'", "path = 'barrier'"]) {
      const db = new DatabaseSync(home.file);
      db.prepare("ATTACH ? AS other").run(other.file);
      db.exec(`REPLACE INTO main.record SELECT * FROM other.record WHERE ${where}`);
      db.close();
      await expect(home.open({})).rejects.toEqual(refusal("corrupt", /is not authentic|this HSM does not open/));
    }
    other.dispose();
  });

  test("does not open with a change of another history of the same store put in", async () => {
    const fork = made.copy();
    for (const [each, ids] of [
      [home, ["d", "e"]],
      [fork, ["f", "g"]],
    ] as const) {
      const store = await each.open({});
      for (const id of ids) await put(store, id, 0);
      await store.close();
    }
    const db = new DatabaseSync(home.file);
    db.prepare("ATTACH ? AS fork").run(fork.file);
    db.exec(`DELETE FROM main.record WHERE path <> 'change/0000000000000007';
             INSERT OR IGNORE INTO main.record SELECT * FROM fork.record`);
    db.close();
    await expect(home.open({})).rejects.toEqual(refusal("corrupt", "change 8 does not follow the one before"));
    fork.dispose();
  });

  test("does not open when its file is cut short", async () => {
    const { size } = statSync(home.file);
    for (const length of [0, 1, 100, 512, 4096, 5000, 8192, size - 4096, size - 1]) {
      copyFileSync(home.file, `${home.file}.whole`);
      truncateSync(home.file, length);
      await expect(home.open({ create: true }), `${length} of ${size} bytes`).rejects.toEqual(refusal("corrupt", ""));
      copyFileSync(`${home.file}.whole`, home.file);
    }
    await (await home.open({})).close();
  });

  test("does not open with an HSM that does not have its domain key", async () => {
    const foreign = softConfig(join(home.folder, "foreign"));
    await initHsm(foreign);
    await expect(home.open({}, foreign)).rejects.toEqual(refusal("corrupt", "this HSM does not open the store's keys"));
  });
});

describe("a sealed store that was rolled back", () => {
  const copy = (): string => join(home.folder, "copy.db");

  beforeEach(async () => {
    const store = await home.open();
    await put(store, "a", 0);
    await store.close();
    copyFileSync(home.file, copy());
    const again = await home.open({});
    await put(again, "a", 1, "newer");
    await again.close();
    copyFileSync(copy(), home.file);
  });

  test("is refused, and opens only when that is accepted, which it says", async () => {
    await expect(home.open({})).rejects.toEqual(refusal("rollback", "the store is at change 2, the HSM has seen 3"));
    const store = await home.open({ acceptRollback: true });
    expect(store.rollback).toBe("the store is at change 2, the HSM has seen 3");
    expect((await store.get(keyPath("a")))?.value).toEqual(utf8("value of a"));
    await store.close();
    const again = await home.open({});
    expect(again.rollback).toBeUndefined();
    await again.close();
  });

  test("is refused when it has gone on from there on its own", async () => {
    const store = await home.open({ acceptRollback: true });
    await put(store, "a", 1, "another future");
    await put(store, "a", 2, "and another");
    await store.close();
    const newer = await home.open({});
    const present = newer.rollback;
    await newer.close();
    expect(present).toBeUndefined();
    copyFileSync(copy(), home.file);
    await expect(home.open({})).rejects.toEqual(refusal("rollback", "the HSM has seen 4"));
  });

  test("is refused when there is nothing left of it", async () => {
    rmSync(home.file);
    await expect(home.open({ create: true })).rejects.toEqual(refusal("rollback", "the HSM has seen one"));
    const store = await home.open({ create: true, acceptRollback: true });
    expect(store.rollback).toBe("the HSM's anchor is that of another store");
    await store.close();
  });

  test("is not noticed when no more than what was never anchored is gone", async () => {
    const hsms = await home.hsms();
    const inner = await openSqlite(home.file);
    const store = await openSealed(inner, hsms, engine, { acceptRollback: true });
    await put(store, "b", 0);
    await store.anchor();
    await put(store, "c", 0);
    await store.scrub();
    copyFileSync(home.file, copy());
    await put(store, "d", 0);
    await inner.close();
    await hsms.close();
    copyFileSync(copy(), home.file);
    const back = await home.open({});
    expect(back.rollback).toBeUndefined();
    expect(await back.get(keyPath("c"))).toBeDefined();
    expect(await back.get(keyPath("d"))).toBeUndefined();
    await back.close();
  });
});

describe("a sealed store that is open", () => {
  let store: SealedStore;

  beforeEach(async () => {
    store = await home.open();
    await put(store, "a", 0);
    await put(store, "b", 0);
  });
  afterEach(() => store.close());

  const row = (): { revision: number; value: Uint8Array } =>
    sql("SELECT revision, value FROM record WHERE path = ?", keyPath("a"))[0] as {
      revision: number;
      value: Uint8Array;
    };

  test("refuses a row older than one it has seen, and serves the others", async () => {
    const old = row();
    await put(store, "a", 1, "newer");
    sql("UPDATE record SET revision = ?, value = ? WHERE path = ?", old.revision, old.value, keyPath("a"));
    await expect(store.get(keyPath("a"))).rejects.toEqual(refusal("rollback", "an older record"));
    await expect(store.list("key/")).rejects.toEqual(refusal("rollback", "an older record"));
    await expect(store.verify()).rejects.toEqual(refusal("corrupt", "an older one was put back"));
    expect((await store.get(keyPath("b")))?.value).toEqual(utf8("value of b"));
    await expect(put(store, "a", 2)).rejects.toEqual(refusal("corrupt", "the table is not what the chain"));
    await put(store, "b", 1);
  });

  test("refuses a row that was edited, removed or added", async () => {
    sql("UPDATE record SET value = zeroblob(length(value)) WHERE path = ?", keyPath("a"));
    await expect(store.get(keyPath("a"))).rejects.toEqual(refusal("corrupt", "was edited"));
    sql("DELETE FROM record WHERE path = ?", keyPath("a"));
    await expect(store.get(keyPath("a"))).rejects.toEqual(refusal("corrupt", "is missing"));
    await expect(store.verify()).rejects.toEqual(refusal("corrupt", "is missing"));
    sql("INSERT INTO record VALUES (?, 1, x'00')", keyPath("z"));
    expect(await store.get(keyPath("z"))).toBeUndefined();
    await expect(store.list("key/")).rejects.toEqual(refusal("corrupt", "was added or put back"));
  });

  async function rollBackBelow(): Promise<void> {
    const before = sql("SELECT * FROM record") as Record<string, SQLInputValue>[];
    await put(store, "a", 1, "newer");
    const db = new DatabaseSync(home.file);
    db.exec("BEGIN IMMEDIATE; DELETE FROM record");
    const insert = db.prepare("INSERT INTO record VALUES ($path, $revision, $value)");
    for (const each of before) insert.run(each);
    db.exec("COMMIT");
    db.close();
  }

  test("commits nothing into a table that was put back under it", async () => {
    await rollBackBelow();
    await expect(put(store, "c", 0)).rejects.toEqual(refusal("rollback", "the store was at change 4 before"));
    expect(sql("SELECT path FROM record WHERE path = ?", keyPath("c"))).toEqual([]);
    store.close = async () => {};
  });

  test("refuses everything when the whole table is put back under it", async () => {
    await rollBackBelow();
    for (const id of ["a", "b"]) {
      await expect(store.get(keyPath(id))).rejects.toEqual(refusal("rollback", "the store was at change 4 before"));
      await expect(put(store, "c", 0)).rejects.toEqual(refusal("rollback", "the store was at change 4 before"));
      await expect(store.anchor()).rejects.toEqual(refusal("rollback", "the store was at change 4 before"));
    }
    store.close = async () => {};
  });

  test("does not anchor behind another anchor", async () => {
    const hsm = await openHsm(home.hsmConfig);
    const anchor = (await hsm.readAnchor()) as Uint8Array;
    anchor[24] = 200;
    await hsm.writeAnchor(anchor);
    await hsm.close();
    await expect(store.anchor()).rejects.toEqual(refusal("rollback", "the HSM has seen 200"));
    store.close = async () => {};
  });
});

test("neither names nor values appear in the store's files", async () => {
  const store = await home.open();
  const names = ["alias/payroll-production", "alice.anderson", "AKIAIOSFODNN7EXAMPLE", "unlisted-kind-name"];
  const [alias, user, accessKey, other] = names as [string, string, string, string];
  await store.commit([
    { path: path("alias", "111122223333", "eu-west-1", alias), value: utf8("a secret value"), revision: 0 },
    { path: path("principal", "111122223333", user), value: utf8("a secret value"), revision: 0 },
    { path: path("access-key", accessKey), value: utf8("a secret value"), revision: 0 },
    { path: path("unlisted", other), value: utf8("a secret value"), revision: 0 },
    { path: keyPath("visible-id"), value: utf8("a secret value"), revision: 0 },
  ]);
  const bytes = (): string =>
    readdirSync(home.folder)
      .filter((name) => name.startsWith("store.db"))
      .map((name) => readFileSync(join(home.folder, name), "latin1"))
      .join();
  for (const when of ["in the log", "in the table"]) {
    const found = [...names, "payroll", "a secret value"].filter((text) => bytes().includes(text));
    expect(found, when).toEqual([]);
    expect(bytes()).toContain("visible-id");
    await store.scrub();
  }
  expect((await store.list("alias/111122223333/eu-west-1/")).map((record) => record.path)).toEqual([
    "alias/111122223333/eu-west-1/alias%2Fpayroll-production",
  ]);
  await store.close();
});
