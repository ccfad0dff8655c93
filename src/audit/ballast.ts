import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";

/**
 * Space that is given up when the disk is full, so that the events of calls which were accepted can still be written.
 */
export class Ballast {
  readonly #file: number;
  readonly #size: number;
  #full = false;

  constructor(path: string, size: number) {
    this.#file = openSync(path, "w", 0o600);
    this.#size = size;
  }

  /** Whether the space is held, taking it if it can be had. */
  hold(): boolean {
    if (this.#full) return true;
    try {
      this.#fill();
      this.#full = true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      ftruncateSync(this.#file, 0);
    }
    return this.#full;
  }

  /** false: there is nothing to give up. */
  release(): boolean {
    if (!this.#full) return false;
    this.#full = false;
    ftruncateSync(this.#file, 0);
    return true;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Random bytes: a file system that compresses would hold no space for zeros. */
  #fill(): void {
    const block = randomFillSync(new Uint8Array(Math.min(this.#size, 1 << 16)));
    for (let at = 0; at < this.#size; )
      at += writeSync(this.#file, block, 0, Math.min(block.length, this.#size - at), at);
    fsyncSync(this.#file);
  }
}

export const isDiskFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
