import { randomUUID } from "node:crypto";
import { closeSync, existsSync, linkSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ConfigError, StoreError } from "../../base/errors.ts";
import { syncFolder } from "../../base/private-file.ts";
import type { Expectation, Store, Stored, Write } from "../store.ts";
import { storeFailure } from "./failure.ts";
import { checkLedger, checkSchema, createSchema, isCurrent, migrate } from "./schema.ts";
import { Writer } from "./writer.ts";

export interface SqliteOptions {
  /** Make the file where there is none. One that exists is opened as it is, never made anew. */
  readonly create?: boolean;
  /** Refuse every commit. The folder must be writable all the same: readers keep their place in `-shm`. */
  readonly readOnly?: boolean;
}

/** How long to wait for another process's commit, in milliseconds. */
const busyTimeout = 5000;

/**
 * Records in one SQLite file, mode 0600, which several processes of one host may share. Its log (`-wal`) and index
 * (`-shm`) lie beside it and belong to it: a copy of the file alone lacks the newest commits. Not for network file
 * systems: SQLite's locks and shared memory do not work there.
 *
 * ConfigError when `file` is missing, another application's or a newer version's; StoreError("corrupt") when it is
 * damaged. Reads run in the calling thread (microseconds, from the page cache), commits in a thread of their own. When
 * the disk fails in the middle of a commit, every later one is refused until the store is opened again.
 */
export async function openSqlite(
  file: string,
  { create = false, readOnly = false }: SqliteOptions = {},
): Promise<Store> {
  const absolute = resolve(file);
  if (create && !existsSync(absolute)) createFile(absolute);
  checkFile(absolute);
  let reader: DatabaseSync | undefined;
  try {
    if (!readOnly) upgrade(absolute);
    reader = new DatabaseSync(absolute, { readOnly: true, timeout: busyTimeout });
    reader.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    checkLedger(reader, absolute);
    if (!isCurrent(reader)) throw new ConfigError(`${absolute} was made by an older version: open it for writing once`);
    checkSchema(reader, absolute);
    return new SqliteStore(absolute, reader, readOnly ? undefined : new Writer(absolute, busyTimeout));
  } catch (error) {
    reader?.close();
    throw error instanceof ConfigError ? error : storeFailure(absolute, "open", error);
  }
}

class SqliteStore implements Store {
  readonly #file: string;
  readonly #reader: DatabaseSync;
  readonly #writer: Writer | undefined;
  readonly #one: StatementSync;
  readonly #range: StatementSync;
  readonly #rows: StatementSync;
  readonly #dataVersion: StatementSync;
  readonly #turn: StatementSync;
  #version = 0;
  #versionIsFresh = false;
  #seenData: unknown;
  #seenTurn: unknown;

  constructor(file: string, reader: DatabaseSync, writer: Writer | undefined) {
    this.#file = file;
    this.#reader = reader;
    this.#writer = writer;
    this.#one = reader.prepare("SELECT path, value, revision FROM record WHERE path = ?");
    this.#range = reader.prepare(
      "SELECT path, value, revision FROM record WHERE path >= ? AND path <> ? AND path < ? ORDER BY path LIMIT ?",
    );
    this.#rows = reader.prepare("SELECT COUNT(*) AS rows FROM record WHERE path >= ? AND path < ?");
    this.#dataVersion = reader.prepare("PRAGMA data_version");
    this.#turn = reader.prepare("SELECT number, writer FROM turn");
  }

  async get(path: string): Promise<Stored | undefined> {
    return this.#read(() => this.#one.get(path)) as Stored | undefined;
  }

  async list(prefix: string, { after = "", limit = -1 }: { after?: string; limit?: number } = {}): Promise<Stored[]> {
    const from = after > prefix ? after : prefix;
    return this.#read(() => this.#range.all(from, after, `${prefix}\u{10ffff}`, limit)) as unknown as Stored[];
  }

  async count(prefix: string): Promise<number> {
    return this.#read(() => this.#rows.get(prefix, `${prefix}\u{10ffff}`)?.["rows"]) as number;
  }

  async commit(writes: readonly Write[], expectations: readonly Expectation[] = []): Promise<void> {
    if (!this.#writer) throw new StoreError("unavailable", `${this.#file} is open for reading only`);
    await this.#writer.commit(writes, expectations);
  }

  /** Asked once in a callback of the event loop, with what follows from it: nothing can arrive in between. */
  version(): number {
    if (!this.#versionIsFresh) {
      this.#version = this.#readVersion();
      this.#versionIsFresh = true;
      process.nextTick(() => {
        this.#versionIsFresh = false;
      });
    }
    return this.#version;
  }

  async scrub(): Promise<void> {
    await this.#writer?.checkpoint();
  }

  /** The reader first: the last connection to close writes the log into the file, and a reader cannot. */
  async close(): Promise<void> {
    if (this.#reader.isOpen) this.#reader.close();
    await this.#writer?.close();
  }

  /**
   * `PRAGMA data_version` (1 µs) also moves with the commits of this store's own writer, so then the turn tells: it
   * moves when the writer is another one than before.
   */
  #readVersion(): number {
    return this.#read(() => {
      const data = this.#dataVersion.get()?.["data_version"];
      if (data === this.#seenData) return this.#version;
      this.#seenData = data;
      const turn = this.#turn.get();
      const same = turn?.["number"] === this.#seenTurn && turn?.["writer"] === this.#writer?.name;
      this.#seenTurn = turn?.["number"];
      return same ? this.#version : this.#version + 1;
    });
  }

  #read<T>(query: () => T): T {
    if (!this.#reader.isOpen) throw new StoreError("unavailable", "the store is closed");
    try {
      return query();
    } catch (error) {
      throw storeFailure(this.#file, "read", error);
    }
  }
}

/** Under another name at first: no crash leaves half a store at `file`, and no store that appears meanwhile is replaced. */
function createFile(file: string): void {
  const unfinished = `${file}.${randomUUID()}`;
  try {
    closeSync(openSync(unfinished, "wx", 0o600));
    const db = new DatabaseSync(unfinished);
    try {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      createSchema(db);
    } finally {
      db.close();
    }
    linkSync(unfinished, file);
    syncFolder(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw storeFailure(file, "create", error);
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(unfinished + suffix, { force: true });
  }
}

/** The size of every page: it is what SQLite has by default, and `createFile` leaves it so. */
const pageSize = 4096;

/**
 * SQLite would make a missing file, take a very short one for a new database, and fill a cut page with zeros. Only while
 * there is a log to recover from may a page be incomplete, after a loss of power.
 */
function checkFile(file: string): void {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status) throw new ConfigError(`there is no store at ${file}`);
  if (!status.isFile()) throw new ConfigError(`${file} is not a file`);
  const recoverable = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (status.size < pageSize || (status.size % pageSize !== 0 && !recoverable)) {
    throw new StoreError("corrupt", `${file} is empty, cut short or not a store`);
  }
}

function upgrade(file: string): void {
  const db = new DatabaseSync(file, { timeout: busyTimeout });
  try {
    checkLedger(db, file);
    migrate(db);
  } finally {
    db.close();
  }
}
