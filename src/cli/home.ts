import { mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync, statSync } from "node:fs";
import { constants, homedir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { takeLock } from "../base/lock.ts";

export const defaultHome = (): string => process.env["STRONGROOM_HOME"] || join(homedir(), ".strongroom");

/**
 * The private folder of a `dev` service, made (0700) if it is not there: its real path. ConfigError unless it is ours
 * and nobody else can write to it.
 */
export function openHome(path: string): string {
  // Such a path would change the meaning of the files and shell lines that name it.
  if (/\p{Cc}/u.test(path)) throw new ConfigError("the home's path contains a control character");
  privateFolder(path);
  const { uid, mode } = statSync(path);
  if (uid !== process.geteuid?.()) throw new ConfigError(`${path} belongs to another user`);
  if ((mode & 0o022) !== 0) throw new ConfigError(`${path} can be written by group or others: chmod 700 it`);
  return realpathSync(path);
}

/** A home in memory (tmpfs; it can be swapped out), removed when the process ends, unless by SIGKILL. */
export function ephemeralHome(): string {
  const memory = "/dev/shm";
  const tmpfs = 0x01021994;
  if (statfsSync(memory).type !== tmpfs) throw new ConfigError(`${memory} is not a memory file system`);
  const home = mkdtempSync(join(memory, "strongroom-"));
  process.once("exit", () => rmSync(home, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Whoever stops the service in an orderly way listens, too, and ends the process.
    process.on(signal, () => process.listenerCount(signal) === 1 && process.exit(128 + constants.signals[signal]));
  }
  return home;
}

/**
 * Makes this process the only one that serves `home`, until it ends in whatever way or calls the answer.
 * ConfigError when another process does.
 */
export function lockHome(home: string): () => void {
  const lock = takeLock(join(home, "lock.db"));
  if (!lock) throw new ConfigError(`${home} is in use by another strongroom process`);
  return () => lock.release();
}

/** Makes `path` and what is missing above it, open to nobody else. */
export function privateFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ConfigError(`${path} cannot be made a folder`, { cause });
  }
  return path;
}
