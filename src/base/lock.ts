import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "./errors.ts";

/**
 * Holds `file` for this process until `release`, or until the process dies, however it dies. Node has no flock: SQLite's
 * exclusive lock is one of fcntl, which the kernel drops with the process, and which other containers on the machine
 * see. ConfigError when somebody else holds it. Nobody in this process may open `file` in another way: closing any
 * descriptor of a file drops all locks that the process has on it (POSIX).
 */
export function holdLock(file: string): { release(): void } {
  makePrivate(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw new ConfigError(`${file} is held by another process`, { cause });
  }
  return { release: () => database.close() };
}

function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, "ax", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
