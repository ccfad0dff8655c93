import { equalBytes } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { barrierPath, parseBarrier } from "./barrier.ts";
import { type Change, changePath, changePrefix, decodeChange, encodeChange, noChange } from "./change.ts";
import { findFault } from "./fault.ts";
import type { Keyring } from "./keyring.ts";
import { type Entry, Manifest } from "./manifest.ts";
import { scan } from "./scan.ts";
import type { Expectation, Store, Stored, Write } from "./store.ts";

/** How many changes are kept: how far another process may fall behind before it has to read the whole table again. */
export const windowLength = 1024;

export interface Head {
  readonly sequence: number;
  /** SHA-256 of the change as stored, hexadecimal. */
  readonly hash: string;
}

/** A change that would come next, and the head that it would make. */
export interface Link {
  readonly change: Change;
  readonly head: Head;
}

/** A new change, and what commits it. */
export interface Appended extends Link {
  readonly writes: readonly Write[];
  /** That the head is still there: else the change would be lost in a table that was put back. */
  readonly expectations: readonly Expectation[];
}

/**
 * The chain of changes: every commit inserts the next one, so two processes cannot both commit after the same head, and
 * whoever reads the chain knows what the table must hold. One caller at a time.
 */
export class Chain {
  readonly #inner: Store;
  readonly #keyring: Keyring;
  readonly manifest: Manifest;
  #head: Head = { sequence: 0, hash: noChange };
  /** Hashes of the last changes, by sequence. */
  readonly #recent = new Map<number, string>();

  constructor(inner: Store, keyring: Keyring) {
    this.#inner = inner;
    this.#keyring = keyring;
    this.manifest = new Manifest(keyring);
  }

  /**
   * Reads everything and checks the table against the chain. Commits of others meanwhile do no harm: rows that changed
   * during the scan are taken from the changes themselves.
   */
  static async load(inner: Store, keyring: Keyring): Promise<Chain> {
    const chain = new Chain(inner, keyring);
    const window = await inner.list(changePrefix);
    await loadKeys(inner, keyring);
    const changes = chain.#linkAll(window);
    if (changes.length < Math.max(1, Math.min(chain.head.sequence, windowLength))) {
      throw new StoreError("corrupt", "changes are missing from the chain");
    }
    await chain.#scan();
    const before = changes.length;
    for (let link = await chain.#next(); link; link = await chain.#next()) {
      chain.#advance(link.head);
      changes.push(link.change);
    }
    chain.manifest.apply(newest(changes.slice(before)));
    if (!keyring.equal(chain.manifest.digest, (changes.at(-1) as Change).digest)) {
      throw new StoreError("corrupt", await findFault(inner, keyring, newest(changes)));
    }
    return chain;
  }

  get head(): Head {
    return this.#head;
  }

  /** Whether `head` is in this chain, or older than its window. */
  includes({ sequence, hash }: Head): boolean {
    return sequence <= this.#head.sequence && (this.#recent.get(sequence) ?? hash) === hash;
  }

  /** Takes over what others have committed. false when this chain's head is gone from the store: load it again. */
  async follow(): Promise<boolean> {
    for (let link = await this.#next(); link; link = await this.#next()) {
      const { sequence, entries, digest } = link.change;
      if (!this.#keyring.equal(this.manifest.digestAfter(entries), digest)) {
        throw new StoreError("corrupt", `change ${sequence} does not follow from the table`);
      }
      this.accept(link);
    }
    const own = await this.#inner.get(changePath(this.#head.sequence));
    return own !== undefined && this.#keyring.hash(own.value) === this.#head.hash;
  }

  /** The next change, for a commit that does `entries`; one that falls out of the window goes in the same commit. */
  append(entries: readonly Entry[]): Appended {
    const sequence = this.#head.sequence + 1;
    const digest = this.manifest.digestAfter(entries);
    const change = { storeId: this.#keyring.storeId, sequence, previous: this.#head.hash, digest, entries };
    const path = changePath(sequence);
    const value = this.#keyring.seal(path, 1, { path, value: encodeChange(change) });
    const writes: Write[] = [{ path, value, revision: 0 }];
    if (sequence > windowLength) {
      writes.push({ path: changePath(sequence - windowLength), value: undefined, revision: 1 });
    }
    const expectations = sequence > 1 ? [{ path: changePath(sequence - 1), revision: 1 }] : [];
    return { writes, expectations, head: { sequence, hash: this.#keyring.hash(value) }, change };
  }

  /** It is committed. */
  accept({ head, change }: Link): void {
    this.manifest.apply(change.entries, change.digest);
    this.#advance(head);
  }

  /** The window that is there, from its oldest change: what came before that one cannot be checked. */
  #linkAll(window: readonly Stored[]): Change[] {
    return window.map((stored, i) => {
      const change = this.#open(stored);
      if (i === 0) this.#head = { sequence: change.sequence - 1, hash: change.previous };
      this.#advance(this.#link(stored, change).head);
      return change;
    });
  }

  /** The change after the head, if there is one. If it is about the keys, they are there before any that needs them. */
  async #next(): Promise<Link | undefined> {
    const stored = await this.#inner.get(changePath(this.#head.sequence + 1));
    if (!stored) return undefined;
    const link = this.#link(stored, this.#open(stored));
    if (link.change.entries.some((entry) => entry.stored === barrierPath)) await loadKeys(this.#inner, this.#keyring);
    return link;
  }

  #open(stored: Stored): Change {
    const opened = this.#keyring.open(stored.path, stored.revision, stored.value);
    const change = opened && decodeChange(opened.value);
    if (!change || changePath(change.sequence) !== stored.path || !equalBytes(change.storeId, this.#keyring.storeId)) {
      throw new StoreError("corrupt", `${stored.path} is not authentic`);
    }
    return change;
  }

  #link(stored: Stored, change: Change): Link {
    const { sequence, hash } = this.#head;
    if (change.sequence !== sequence + 1) throw new StoreError("corrupt", `change ${sequence + 1} is missing`);
    if (change.previous !== hash) {
      throw new StoreError("corrupt", `change ${change.sequence} does not follow the one before`);
    }
    return { change, head: { sequence: change.sequence, hash: this.#keyring.hash(stored.value) } };
  }

  async #scan(): Promise<void> {
    for await (const rows of scan(this.#inner)) {
      this.manifest.apply(
        rows.map(({ path, revision, value }) => ({ stored: path, row: { revision, hash: this.#keyring.hash(value) } })),
      );
    }
  }

  #advance(head: Head): void {
    this.#head = head;
    this.#recent.set(head.sequence, head.hash);
    this.#recent.delete(head.sequence - windowLength);
  }
}

async function loadKeys(inner: Store, keyring: Keyring): Promise<void> {
  const stored = await inner.get(barrierPath);
  if (!stored) throw new StoreError("corrupt", "the barrier record is missing");
  const barrier = parseBarrier(stored.value);
  await keyring.release(barrier);
  keyring.adopt(barrier);
}

/** The last thing that happened to each path. */
function newest(changes: readonly Change[]): Entry[] {
  const entries = changes.flatMap((change) => change.entries);
  return [...new Map(entries.map((entry) => [entry.stored, entry])).values()];
}
