import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { syncFolder } from "../../base/private-file.ts";

/** Tokens whose PIN was refused, for processes that were given no folder to remember it in. */
const refusedHere = new Map<string, string>();

/**
 * Remembers that a token refused the PIN of a reference, so that no restart tries it again: many tokens lock at the
 * third try. Cleared when the file that holds the PIN changes. What is kept depends on the file's identity and times,
 * never on the PIN.
 */
export class PinLatch {
  readonly #reference: string;
  readonly #fingerprint: string;
  readonly #name: string;
  readonly #directory: string | undefined;

  /** To be made before the PIN is read: a PIN that is corrected meanwhile is not taken for the one that was refused. */
  constructor(token: string, reference: string, directory: string | undefined) {
    this.#reference = reference;
    this.#fingerprint = fingerprint(reference);
    this.#name = `pin-refused-${createHash("sha256").update(`${token}\0${reference}`).digest("hex").slice(0, 32)}`;
    this.#directory = directory;
  }

  /** Throws a ConfigError while the refused PIN stands. */
  check(): void {
    if (this.#fingerprint !== (refusedHere.get(this.#name) ?? this.#read())) return;
    const remedy = this.#directory ? ` or ${join(this.#directory, this.#name)} is removed` : "";
    throw new ConfigError(
      `the token refused the PIN of ${this.#reference} before: it is not tried again until that changes${remedy}`,
    );
  }

  /** Durable when it returns, where there is a folder. */
  set(): void {
    if (!this.#directory) {
      refusedHere.set(this.#name, this.#fingerprint);
      return;
    }
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.#directory, this.#name), this.#fingerprint, { mode: 0o600, flush: true });
    syncFolder(this.#directory);
  }

  #read(): string | undefined {
    if (!this.#directory) return undefined;
    try {
      return readFileSync(join(this.#directory, this.#name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new ConfigError(`the folder ${this.#directory} cannot be read`, { cause: error });
    }
  }
}

function fingerprint(reference: string): string {
  if (!reference.startsWith("file:")) return reference;
  const file = statSync(reference.slice(5), { bigint: true, throwIfNoEntry: false });
  return file ? `${reference} ${file.dev} ${file.ino} ${file.mtimeNs}` : `${reference} absent`;
}
