import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { ConfigError, HsmError } from "../../base/errors.ts";
import { type Lock, takeLock } from "../../base/lock.ts";
import { writePrivateFile } from "../../base/private-file.ts";

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

  /** Runs `section` while no other process does. */
  locked<Answer>(section: () => Answer): Answer {
    const lock = this.#lock();
    try {
      return section();
    } finally {
      lock.release();
    }
  }

  #lock(): Lock {
    const path = join(this.path, "lock");
    let lock: Lock | undefined;
    try {
      lock = takeLock(path, patience);
    } catch (cause) {
      throw new HsmError("unavailable", `${path} cannot be taken`, { cause });
    }
    if (!lock) throw new HsmError("unavailable", `${path} cannot be taken: another process holds it`);
    return lock;
  }
}
