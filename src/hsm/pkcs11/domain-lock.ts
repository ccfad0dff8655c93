import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HsmError } from "../../base/errors.ts";

/** Milliseconds. */
const longestWait = 120_000;
const pause = 20;

/**
 * Runs `use` while no other process of this machine that was given the same folder does, because PKCS#11 has no
 * compare-and-set: domain.ts. The lock is one of fcntl(2), which SQLite takes for us: a process that dies leaves none.
 */
export async function alone<Answer>(directory: string | undefined, use: () => Promise<Answer>): Promise<Answer> {
  if (directory === undefined) return use();
  const lock = await locked(directory);
  try {
    return await use();
  } finally {
    lock.close();
  }
}

async function locked(directory: string): Promise<DatabaseSync> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(directory, "domain-lock.db"), { timeout: 0 });
  for (const end = performance.now() + longestWait; performance.now() < end; await sleep(pause)) {
    try {
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return database;
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
  database.close();
  throw new HsmError("unavailable", "another process administers this HSM");
}

/** SQLITE_BUSY */
const isBusy = (error: unknown): boolean => (error as { errcode?: number }).errcode === 5;
