import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../base/errors.ts";

/**
 * Holds `file` for this process until `release`, or until the process dies, however it dies. Node has no flock: SQLite's
 * exclusive lock is one of fcntl, which the kernel drops with the process, and which other containers on the machine
 * see. ConfigError when somebody else holds it.
 */
export function holdLock(file: string): { release(): void } {
  closeSync(openSync(file, "a", 0o600));
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw new ConfigError(`${file} is held by another process`, { cause });
  }
  return { release: () => database.close() };
}
