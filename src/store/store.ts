import type { Bytes } from "../base/bytes.ts";

/**
 * Where records rest. Untrusted: it is only reached through the barrier (store/sealed.ts), which is a Store itself.
 * Failures are `StoreError`.
 */
export interface Store {
  /** The value belongs to the store: not to be modified. */
  get(path: string): Promise<Stored | undefined>;

  /**
   * In ascending order of the stored path, which for hashed components is the order of the hash. `prefix` is whole
   * components that end with a slash (below the barrier also ""); `after` is the path of the last record of the page
   * before. Fewer than `limit` records are the last.
   */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<readonly Stored[]>;

  /** How many records `list` would answer, without opening one: for quotas, as the table says and not the barrier. */
  count(prefix: string): Promise<number>;

  /**
   * All or none, durable when it resolves. A write whose `revision` is stale, or an expectation that does not hold,
   * throws `StoreError("conflict")`. After `StoreError("unavailable")` nothing has been acknowledged, but when the disk
   * failed in the middle the commit may turn out to be there once the store is opened again.
   */
  commit(writes: readonly Write[], expectations?: readonly Expectation[]): Promise<void>;

  /** Changes whenever another process or host has committed: what was cached must be read again. */
  version(): number;

  /** Deleted and replaced values are gone from the store's files when it resolves: call it after deletions. */
  scrub(): Promise<void>;

  close(): Promise<void>;
}

export interface Stored {
  /** Made by `path` of store/path.ts: components separated by `/`, everything but [A-Za-z0-9:+=,.@_-] escaped. */
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
  /** 0: there must be none. */
  readonly revision: number;
}
