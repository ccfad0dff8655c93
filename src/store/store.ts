import type { Bytes } from "../base/bytes.ts";

/**
 * Where records rest. Untrusted: it is only reached through the barrier (store/sealed.ts), which is a Store itself.
 * Failures are `StoreError`.
 */
export interface Store {
  get(path: string): Promise<Stored | undefined>;

  /** In ascending order of the stored path, which for hashed components is the order of the hash. */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<readonly Stored[]>;

  /**
   * All or none, durable when it resolves. A write whose `revision` is stale, or an expectation that does not hold,
   * throws `StoreError("conflict")`.
   */
  commit(writes: readonly Write[], expectations?: readonly Expectation[]): Promise<void>;

  /** Changes whenever another process or host has committed: what was cached must be read again. */
  version(): number;

  close(): Promise<void>;
}

export interface Stored {
  /** Components separated by `/`, each matching [A-Za-z0-9:+=,.@_-]+ at the interface of the barrier, aliases with their slashes escaped. */
  readonly path: string;
  readonly value: Bytes;
  /** 1 for a new record, then one more for each write. */
  readonly revision: number;
}

export interface Write {
  readonly path: string;
  /** undefined deletes. */
  readonly value: Bytes | undefined;
  /** The revision that is replaced; 0: there must be none. */
  readonly revision: number;
}

/** A precondition on a record that the commit does not write. */
export interface Expectation {
  readonly path: string;
  readonly revision: number;
}
