import { StoreError } from "../base/errors.ts";
import { barrierPath } from "./barrier.ts";
import { Chain, type Head } from "./chain.ts";
import { type Pending, takeGroup } from "./group.ts";
import type { Keyring } from "./keyring.ts";
import type { Entry, Manifest } from "./manifest.ts";
import type { Store, Write } from "./store.ts";

/**
 * Keeps the chain abreast of the store below, and appends to it. Commits that wait together become one change in one
 * transaction; each was checked against the manifest before.
 */
export class Journal {
  readonly #inner: Store;
  readonly #keyring: Keyring;
  #chain: Chain;
  /** The version of the store below that the chain has followed; undefined: follow before anything is trusted. */
  #seen: number | undefined;
  readonly #queue: Pending[] = [];
  #scheduled = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(inner: Store, keyring: Keyring, chain: Chain) {
    this.#inner = inner;
    this.#keyring = keyring;
    this.#chain = chain;
  }

  get chain(): Chain {
    return this.#chain;
  }

  get manifest(): Manifest {
    return this.#chain.manifest;
  }

  /** Whether nobody else has committed since the chain was last followed. */
  get current(): boolean {
    return this.#inner.version() === this.#seen;
  }

  /** Follows what others have committed. */
  async refresh(): Promise<void> {
    if (!this.current) await this.#exclusive(() => this.#catchUp());
  }

  /**
   * What `read` makes of the store below; it throws on a row that is not the manifest's. That may be because a commit
   * came between, so it is asked again when none is under way, until the store has stood still.
   */
  async settled<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind === "unavailable") throw error;
      return this.#exclusive(() => this.#readStill(read));
    }
  }

  commit(writes: Pending["writes"], expectations: Pending["expectations"]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, expectations, resolve, reject });
      this.#schedule();
    });
  }

  /** When everything that was asked for before is done. */
  async drained(): Promise<void> {
    while (this.#queue.length > 0) await this.#exclusive(async () => {});
    await this.#last;
  }

  async #readStill<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const version = this.#inner.version();
      await this.#follow();
      try {
        return await read();
      } catch (error) {
        if (this.#inner.version() === version) throw error;
      }
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#exclusive(() => {
      this.#scheduled = false;
      return this.#commitGroup();
    });
  }

  async #commitGroup(): Promise<void> {
    let group: readonly Pending[] = [];
    try {
      await this.#catchUp();
      group = takeGroup(this.#queue, this.manifest);
      const before = this.#chain.head;
      const outcome = await this.#append(group);
      if (outcome === "overtaken") {
        await this.#again(group, before);
        group = [];
      }
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group.length > 0 ? group : this.#queue.splice(0)) reject(error);
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  async #append(group: readonly Pending[]): Promise<"committed" | "overtaken"> {
    const sealed = group.flatMap(({ writes }) => writes.map((write) => this.#seal(write)));
    if (sealed.length === 0) return "committed";
    const appended = this.#chain.append(sealed.map(({ entry }) => entry));
    try {
      const writes = [...sealed.map(({ write }) => write), ...appended.writes];
      await this.#inner.commit(writes, appended.expectations);
    } catch (error) {
      // It may be there in spite of the error, so the chain tells what has happened.
      this.#seen = undefined;
      if (isConflict(error)) return "overtaken";
      throw error;
    }
    this.#chain.accept(appended);
    return "committed";
  }

  /** Another process was first: everything is looked at again on top of its change. */
  async #again(group: readonly Pending[], before: Head): Promise<void> {
    await this.#follow();
    if (this.#chain.head.sequence === before.sequence) {
      throw new StoreError("corrupt", "the table is not what the chain of changes says");
    }
    this.#queue.unshift(...group);
  }

  #seal({ stored, path, value, revision }: Pending["writes"][number]): { write: Write; entry: Entry } {
    if (value === undefined) return { write: { path: stored, value, revision }, entry: { stored, row: undefined } };
    const next = revision + 1;
    const sealed = stored === barrierPath ? value : this.#keyring.seal(stored, next, { path, value });
    const row = { revision: next, hash: this.#keyring.hash(sealed) };
    return { write: { path: stored, value: sealed, revision }, entry: { stored, row } };
  }

  async #catchUp(): Promise<void> {
    if (!this.current) await this.#follow();
  }

  async #follow(): Promise<void> {
    this.#seen = undefined;
    const version = this.#inner.version();
    if (!(await this.#chain.follow())) {
      const found = await Chain.load(this.#inner, this.#keyring);
      assertGoesOn(found, this.#chain.head);
      this.#chain = found;
    }
    this.#seen = version;
  }

  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Throws when `found` is not a continuation of what was seen before. */
export function assertGoesOn(found: Chain, seen: Head): void {
  if (found.includes(seen)) return;
  throw new StoreError(
    "rollback",
    `the store was at change ${seen.sequence} before; an older or other copy was put back`,
  );
}

export const isConflict = (error: unknown): boolean => error instanceof StoreError && error.kind === "conflict";
