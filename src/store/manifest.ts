import type { Bytes } from "../base/bytes.ts";
import type { Keyring } from "./keyring.ts";

/** What stands at a stored path. */
export interface Row {
  readonly revision: number;
  /** SHA-256 of the stored value, hexadecimal. */
  readonly hash: string;
}

/** What one commit does to a row; undefined: it is deleted. */
export interface Entry {
  readonly stored: string;
  readonly row: Row | undefined;
}

/**
 * What the table must hold: every row but the chain's own, and one digest over all of them, the XOR of their tags.
 * Tags are HMACs under a key that whoever edits the table does not have, and a digest is only ever stored sealed, so two
 * different tables have the same digest with probability 2^-256 (MSet-XOR-Hash: Clarke et al., ASIACRYPT 2003). That
 * makes it a digest that a commit can carry forward by the rows it touches.
 */
export class Manifest {
  readonly #keyring: Keyring;
  readonly #rows = new Map<string, Row>();
  #digest: Bytes = new Uint8Array(32);

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  get digest(): Bytes {
    return this.#digest;
  }

  get(stored: string): Row | undefined {
    return this.#rows.get(stored);
  }

  /** 0 when there is none. */
  revision(stored: string): number {
    return this.#rows.get(stored)?.revision ?? 0;
  }

  /** What `apply` would make it. No path may occur twice. */
  digestAfter(entries: readonly Entry[]): Bytes {
    const digest = this.#digest.slice();
    for (const { stored, row } of entries) {
      const before = this.#rows.get(stored);
      if (before) addTag(digest, this.#keyring.rowTag(stored, before));
      if (row) addTag(digest, this.#keyring.rowTag(stored, row));
    }
    return digest;
  }

  apply(entries: readonly Entry[], digest = this.digestAfter(entries)): void {
    this.#digest = digest;
    for (const { stored, row } of entries) {
      if (row) this.#rows.set(stored, row);
      else this.#rows.delete(stored);
    }
  }
}

function addTag(digest: Bytes, tag: Bytes): void {
  for (let i = 0; i < digest.length; i++) digest[i] = (digest[i] as number) ^ (tag[i] as number);
}
