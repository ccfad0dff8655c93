import type { Stored } from "./store.ts";

/** Opened records, the oldest dropped first. An entry counts only for the very value that it was opened from. */
export class OpenedCache {
  readonly #limit: number;
  readonly #entries = new Map<string, { readonly hash: string; readonly opened: Stored }>();
  #size = 0;

  /** `limit`: bytes of values and paths. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `hash`: of the value as stored. */
  get(stored: string, hash: string): Stored | undefined {
    const entry = this.#entries.get(stored);
    return entry?.hash === hash ? entry.opened : undefined;
  }

  set(stored: string, hash: string, opened: Stored): void {
    this.#delete(stored);
    this.#entries.set(stored, { hash, opened });
    this.#size += weight(stored, opened);
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#limit) break;
      this.#delete(oldest);
    }
  }

  #delete(stored: string): void {
    const entry = this.#entries.get(stored);
    if (!entry) return;
    this.#entries.delete(stored);
    this.#size -= weight(stored, entry.opened);
  }
}

/** With what the objects themselves take, roughly. */
const weight = (stored: string, { path, value }: Stored): number => stored.length + path.length + value.length + 200;
