import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "./errors.ts";
import { createPrivateFile } from "./private-file.ts";

export interface Lock {
  /** Once more is once. */
  release(): void;
}

/** What this process holds: the garbage collector would close, and so release, what nobody refers to. */
const held = new Set<DatabaseSync>();

/**
 * Takes `file`, which it makes (0600) where it is missing, for this process until `release`, or until the process dies,
 * however it dies; undefined when somebody else has held it for `patience` milliseconds. ConfigError when it cannot be
 * used. Node has no flock: SQLite's exclusive lock is one of fcntl, which the kernel drops with the process, and which
 * other containers on the machine see. Nobody in this process may open `file` in another way: closing any descriptor of
 * a file drops all locks that the process has on it (POSIX).
 */
export function takeLock(file: string, patience = 0): Lock | undefined {
  let database: DatabaseSync | undefined;
  try {
    createPrivateFile(file, new Uint8Array(0));
    database = new DatabaseSync(file, { timeout: patience });
    // In memory: no journal comes to lie beside the file.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) return undefined;
    throw new ConfigError(`${file} cannot be locked`, { cause });
  }
  const taken = database;
  held.add(taken);
  return { release: () => held.delete(taken) && taken.close() };
}

/** As `takeLock`; ConfigError when somebody else holds it. */
export function holdLock(file: string): Lock {
  const lock = takeLock(file);
  if (!lock) throw new ConfigError(`${file} is held by another process`);
  return lock;
}

/** SQLITE_BUSY, and what is a kind of it. */
const isBusy = (error: unknown): boolean => ((error as { errcode?: number }).errcode ?? 0) % 0x100 === 5;
