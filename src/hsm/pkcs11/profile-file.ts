import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { writePrivateFile } from "../../base/private-file.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
/** Octets; a profile has about 3,000. */
const longest = 1 << 16;

/** By path: what this process has seen fail. */
const doubted = new Set<string>();

/**
 * Where a process leaves for the next what a token can do (profile.ts). The token's worker tells whether it is true: what
 * is here is sealed. Nothing depends on it but the time of a start, so whatever is wrong with the file, there is none.
 */
export class ProfileFile {
  readonly #directory: string | undefined;
  readonly #path: string;

  constructor(token: string, directory: string | undefined) {
    this.#directory = directory;
    this.#path = join(directory ?? "", `profile-${createHash("sha256").update(token).digest("hex").slice(0, 32)}`);
  }

  /** undefined where there is no file, or one that another user could have written. */
  read(): Bytes | undefined {
    if (this.#directory === undefined || doubted.has(this.#path)) return undefined;
    return orNothing(() => {
      const file = openSync(this.#path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const found = fstatSync(file);
        const ours = found.isFile() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
        return ours && found.size <= longest ? new Uint8Array(readFileSync(file)) : undefined;
      } finally {
        closeSync(file);
      }
    });
  }

  write(sealed: Bytes): void {
    const directory = this.#directory;
    if (directory === undefined || doubted.has(this.#path)) return;
    orNothing(() => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writePrivateFile(this.#path, sealed);
    });
  }

  remove(): void {
    if (this.#directory !== undefined) orNothing(() => rmSync(this.#path, { force: true }));
  }

  /** What it says has failed: this process takes nothing from it any more, and leaves none. */
  doubt(): void {
    doubted.add(this.#path);
    this.remove();
  }
}

function orNothing<Answer>(use: () => Answer): Answer | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
