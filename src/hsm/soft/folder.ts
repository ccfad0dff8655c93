import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../base/bytes.ts";
import { ConfigError, HsmError } from "../../base/errors.ts";
import { createPrivateFile, writePrivateFile } from "../../base/private-file.ts";

/** How long a writer waits for another, in milliseconds: a change takes a few. */
const patience = 2000;

/** The private folder of a soft HSM: `state` (state.ts) and `lock`. */
export class Folder {
  readonly path: string;
  readonly #state: string;

  /** ConfigError when it is missing, or open to group or others. */
  constructor(path: string) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory())
      throw new ConfigError(`there is no soft HSM in ${path}: \`strongroom hsm init\` makes it`);
    if ((stat.mode & 0o077) !== 0) throw new ConfigError(`${path} is open to group or others: chmod 700 it`);
    this.path = path;
    this.#state = join(path, "state");
  }

  /** undefined when there is none. */
  readState(): Bytes | undefined {
    try {
      return readFileSync(this.#state);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new HsmError("unavailable", `${this.#state} cannot be read`, { cause });
    }
  }

  /** Durable: whoever reads meanwhile, or after a crash, finds the old state or the new one. Call it locked. */
  writeState(bytes: Bytes): void {
    try {
      writePrivateFile(this.#state, bytes);
    } catch (cause) {
      throw new HsmError("unavailable", `${this.#state} cannot be written`, { cause });
    }
  }

  /**
   * Runs `section` while no other process does. The lock is SQLite's on an empty database: node:fs has none, and this
   * one is the kernel's (fcntl), so it ends with its process. A file made by O_EXCL would survive a crash.
   */
  locked<Answer>(section: () => Answer): Answer {
    const lock = this.#lock();
    try {
      return section();
    } finally {
      lock.close();
    }
  }

  #lock(): DatabaseSync {
    const path = join(this.path, "lock");
    let lock: DatabaseSync | undefined;
    try {
      createPrivateFile(path, new Uint8Array(0));
      lock = new DatabaseSync(path, { timeout: patience });
      lock.exec("BEGIN IMMEDIATE");
      return lock;
    } catch (cause) {
      lock?.close();
      throw new HsmError("unavailable", `${path} cannot be taken: another process may hold it`, { cause });
    }
  }
}
