import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError, StoreError } from "../../base/errors.ts";

/** "SRM1", in the file's header (sqlite.org/fileformat.html §1.3.15). */
const applicationId = 0x53524d31;

const ledger = "CREATE TABLE migration (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT";

interface Migration {
  readonly number: number;
  readonly sql: string;
  /** SHA-256 of `sql`, hexadecimal. */
  readonly checksum: string;
}

const folder = new URL("./migrations/", import.meta.url);

const migrations: readonly Migration[] = readdirSync(folder)
  .sort()
  .map((name) => {
    const sql = readFileSync(new URL(name, folder), "utf8");
    return { number: Number.parseInt(name, 10), sql, checksum: createHash("sha256").update(sql).digest("hex") };
  });

/** Makes an empty database into a store. */
export function createSchema(db: DatabaseSync): void {
  db.exec(`PRAGMA application_id = ${applicationId}; ${ledger}`);
  migrate(db);
}

/** Applies the migrations that `db` lacks, each in a transaction of its own. */
export function migrate(db: DatabaseSync): void {
  for (const { number, sql, checksum } of migrations) {
    db.exec("BEGIN IMMEDIATE");
    try {
      if (!applied(db).has(number)) {
        db.exec(sql);
        db.prepare("INSERT INTO migration VALUES (?, ?)").run(number, checksum);
      }
      db.exec("COMMIT");
    } finally {
      if (db.isTransaction) db.exec("ROLLBACK");
    }
  }
}

/** Throws unless `db` is a store that this version can read; migrations may be missing. */
export function checkLedger(db: DatabaseSync, file: string): void {
  const id = db.prepare("PRAGMA application_id").get()?.["application_id"];
  if (id !== applicationId) throw new ConfigError(`${file} is a database of another application`);
  const known = new Map(migrations.map(({ number, checksum }) => [number, checksum]));
  for (const [number, checksum] of applied(db)) {
    if (!known.has(number)) throw new ConfigError(`${file} was made by a newer version (migration ${number})`);
    if (known.get(number) !== checksum) throw new StoreError("corrupt", `${file}: migration ${number} was another one`);
  }
}

/** Throws unless tables are the ones that the migrations make: a trigger or view could do anything. */
export function checkSchema(db: DatabaseSync, file: string): void {
  const model = new DatabaseSync(":memory:");
  createSchema(model);
  if (definitions(db) !== definitions(model)) throw new StoreError("corrupt", `${file}: its schema has been changed`);
  model.close();
}

export const isCurrent = (db: DatabaseSync): boolean => applied(db).size === migrations.length;

const applied = (db: DatabaseSync): Map<number, string> =>
  new Map(
    db
      .prepare("SELECT number, checksum FROM migration")
      .all()
      .map((row) => [row["number"] as number, row["checksum"] as string]),
  );

const definitions = (db: DatabaseSync): string =>
  JSON.stringify(db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all());
