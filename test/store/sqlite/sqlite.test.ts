import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { openSqlite } from "../../../src/store/sqlite/sqlite.ts";
import { storeConformance } from "../../conformance/store.ts";

storeConformance("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "store-"));
  return {
    open: () => openSqlite(join(folder, "store.db"), { create: true }),
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});

describe("an SQLite file", () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "store-"));
    file = join(folder, "store.db");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = async (): Promise<void> => (await openSqlite(file, { create: true })).close();
  const edit = (sql: string): void => {
    const db = new DatabaseSync(file, { defensive: false });
    db.exec(sql);
    db.close();
  };

  test("is private, and its log, too", async () => {
    const store = await openSqlite(file, { create: true });
    await store.commit([{ path: "key/a", value: utf8("a"), revision: 0 }]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["store.db", "store.db-shm", "store.db-wal"]);
    await store.close();
    expect(readdirSync(folder)).toEqual(["store.db"]);
  });

  test("that is missing is an error, and is not made", async () => {
    await expect(openSqlite(file)).rejects.toThrow(`there is no store at ${file}`);
    expect(existsSync(file)).toBe(false);
    await expect(openSqlite(folder)).rejects.toThrow("is not a file");
  });

  test("that exists is opened by `create`, never made anew", async () => {
    const store = await openSqlite(file, { create: true });
    await store.commit([{ path: "key/a", value: utf8("a"), revision: 0 }]);
    await store.close();
    const again = await openSqlite(file, { create: true });
    expect((await again.get("key/a"))?.value).toEqual(utf8("a"));
    await again.close();
  });

  test("made by two at once is one store", async () => {
    const stores = await Promise.all([1, 2, 3].map(() => openSqlite(file, { create: true })));
    await Promise.all(stores.map((store, i) => store.commit([{ path: `key/${i}`, value: utf8("x"), revision: 0 }])));
    expect(await stores[0]?.list("key/")).toHaveLength(3);
    for (const store of stores) await store.close();
  });

  test.each([
    ["empty", Buffer.alloc(0), "is empty"],
    ["cut in the middle of a page", Buffer.from("SQLite format 3\0".padEnd(5000, "x")), "cut short"],
    ["not a database", Buffer.alloc(8192, "not a database, but quite long text"), "not a database"],
  ])("that is %s is corrupt, and stays as it is", async (_, contents, message) => {
    writeFileSync(file, contents);
    const corrupt = expect.objectContaining({ kind: "corrupt", message: expect.stringContaining(message) });
    await expect(openSqlite(file, { create: true })).rejects.toEqual(corrupt);
    expect(readFileSync(file)).toEqual(contents);
  });

  test("of another application is refused", async () => {
    edit("CREATE TABLE bookmark (url TEXT)");
    await expect(openSqlite(file)).rejects.toThrow("another application");
  });

  test("of a newer version is refused", async () => {
    await make();
    edit("INSERT INTO migration VALUES (9999, 'ff')");
    await expect(openSqlite(file)).rejects.toThrow("newer version (migration 9999)");
  });

  test.each([
    ["a trigger", "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END", "schema has been changed"],
    ["a table more", "CREATE TABLE more (a)", "schema has been changed"],
    ["a table less", "DROP TABLE migration", "no such table"],
    ["another first migration", "UPDATE migration SET checksum = 'ff'", "migration 1 was another one"],
  ])("with %s is corrupt", async (_, sql, message) => {
    await make();
    edit(sql);
    const corrupt = expect.objectContaining({ kind: "corrupt", message: expect.stringContaining(message) });
    await expect(openSqlite(file)).rejects.toEqual(corrupt);
  });

  test("open for reading only refuses commits, and sees those of others", async () => {
    const writer = await openSqlite(file, { create: true });
    const reader = await openSqlite(file, { readOnly: true });
    const before = reader.version();
    await writer.commit([{ path: "key/a", value: utf8("a"), revision: 0 }]);
    expect(reader.version()).not.toBe(before);
    expect((await reader.get("key/a"))?.value).toEqual(utf8("a"));
    const refused = expect.objectContaining({ kind: "unavailable", message: expect.stringContaining("reading only") });
    await expect(reader.commit([{ path: "key/b", value: utf8("b"), revision: 0 }])).rejects.toEqual(refused);
    await reader.close();
    await writer.close();
  });

  test("holds nothing of a deleted or replaced value after a checkpoint", async () => {
    const store = await openSqlite(file, { create: true });
    const value = utf8("wrapped key material ".repeat(500));
    await store.commit([
      { path: "key/a", value, revision: 0 },
      { path: "key/b", value, revision: 0 },
    ]);
    await store.scrub();
    expect(readFileSync(file).includes("wrapped key")).toBe(true);
    await store.commit([
      { path: "key/a", value: undefined, revision: 1 },
      { path: "key/b", value: utf8("short"), revision: 1 },
    ]);
    await store.scrub();
    for (const name of readdirSync(folder))
      expect(readFileSync(join(folder, name)).includes("wrapped key")).toBe(false);
    await store.close();
  });
});
