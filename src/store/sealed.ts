import type { Bytes } from "../base/bytes.ts";
import { ConfigError, StoreError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { ChangeTokens } from "../hsm/tokens.ts";
import { behindAnchors, earlierAnchors, readAnchors, writeAnchors } from "./anchor.ts";
import { barrierPath, formatBarrier } from "./barrier.ts";
import { OpenedCache } from "./cache.ts";
import { Chain } from "./chain.ts";
import type { StoreHsms } from "./hsms.ts";
import { assertGoesOn, isConflict, Journal } from "./journal.ts";
import { KeyRotation } from "./key-rotation.ts";
import { Keyring } from "./keyring.ts";
import { checkRow, openRow } from "./row.ts";
import type { Expectation, Store, Stored, Write } from "./store.ts";

export interface SealedOptions {
  /** Seal `inner` where it is empty. One that is sealed already is opened as it is, never made anew. */
  readonly create?: boolean;
  /** Open a store that is older than, or another than, the one that the HSM remembers; `SealedStore.rollback` says so. */
  readonly acceptRollback?: boolean;
}

/**
 * Opens the barrier over `inner`, after checking every row. `inner` belongs to it, and is closed when it does not open.
 * StoreError("corrupt") when rows were edited, moved, removed or added, or the keys are another HSM's; "rollback" when
 * the store is behind its anchor in an HSM that keeps its keys. `hsms` and `engine` must outlive the store.
 */
export async function openSealed(
  inner: Store,
  hsms: StoreHsms,
  engine: Engine,
  { create = false, acceptRollback = false }: SealedOptions = {},
): Promise<SealedStore> {
  const keyring = new Keyring(hsms, engine);
  try {
    const remembered = await readAnchors(hsms);
    const anchors = [...remembered.values()].filter((anchor) => anchor !== undefined);
    if ((await inner.list("", { limit: 1 })).length === 0) {
      if (!create) throw new ConfigError("the store is empty: it was never sealed");
      if (anchors.length > 0 && !acceptRollback)
        throw new StoreError("rollback", "the store is empty, and the HSM has seen one");
      await seal(inner, hsms, engine);
    }
    const chain = await Chain.load(inner, keyring);
    const earlier = anchors.length > 0 ? [] : await earlierAnchors(hsms, keyring.storeId);
    const rollback = behindAnchors([...anchors, ...earlier], keyring.storeId, chain);
    if (rollback && !acceptRollback) throw new StoreError("rollback", rollback);
    const isNew = rollback !== undefined || anchors.length < remembered.size;
    if (isNew) await writeAnchors(remembered, { storeId: keyring.storeId, ...chain.head });
    const anchored = isNew ? chain.head.sequence : Math.min(...anchors.map(({ sequence }) => sequence));
    return new SealedStore({ inner, hsms, keyring, chain, anchored }, rollback);
  } catch (error) {
    keyring.close();
    await inner.close();
    throw error;
  }
}

/** The first change, which makes the barrier record. Of two that do it at the same time, one does. */
async function seal(inner: Store, hsms: StoreHsms, engine: Engine): Promise<void> {
  const keyring = new Keyring(hsms, engine);
  try {
    const barrier = await keyring.makeBarrier();
    await keyring.release(barrier);
    const value = formatBarrier(barrier);
    const row = { revision: 1, hash: keyring.hash(value) };
    const { writes } = new Chain(inner, keyring).append([{ stored: barrierPath, row }]);
    await inner.commit([{ path: barrierPath, value, revision: 0 }, ...writes]);
  } catch (error) {
    if (!isConflict(error)) throw error;
  } finally {
    keyring.close();
  }
}

interface SealedParts {
  readonly inner: Store;
  readonly hsms: StoreHsms;
  readonly keyring: Keyring;
  readonly chain: Chain;
  readonly anchored: number;
}

/** Bytes of opened records that are kept. */
const cacheLimit = 16 << 20;

/**
 * The barrier: every value sealed, names hashed, and every row held against the chain of changes, so that whoever reads
 * the store below learns no value, and whoever writes it gets no edited, moved, removed or older row accepted.
 *
 * Limits. What is newer than the last `anchor()` can be rolled back unseen while no process has the store open. While one
 * has, a row that was removed below is missed by `get` (corrupt), but not by `list`; `verify` finds it. Whoever writes the
 * file can keep a process from noticing that another has committed. Counts, sizes and times of records show, and so do
 * account ids, regions and key ids.
 */
export class SealedStore implements Store {
  /** Why the store is behind its anchor, if it was opened all the same: to be audited. */
  readonly rollback: string | undefined;
  readonly #inner: Store;
  readonly #hsms: StoreHsms;
  readonly #keyring: Keyring;
  readonly #journal: Journal;
  readonly #rotation: KeyRotation;
  readonly #cache = new OpenedCache(cacheLimit);
  /** The sequence of the last anchor that is known. */
  #anchored: number;
  #anchoring: Promise<void> = Promise.resolve();
  #nextAnchor: Promise<void> | undefined;
  #closed = false;

  /** Made by `openSealed`. */
  constructor({ inner, hsms, keyring, chain, anchored }: SealedParts, rollback: string | undefined) {
    this.#inner = inner;
    this.#hsms = hsms;
    this.#keyring = keyring;
    this.#journal = new Journal(inner, keyring, chain);
    this.#rotation = new KeyRotation(inner, keyring, this.#journal);
    this.#anchored = anchored;
    this.rollback = rollback;
  }

  async get(path: string): Promise<Stored | undefined> {
    this.#assertOpen();
    const stored = this.#keyring.paths.of(path);
    if (!this.#journal.current) await this.#journal.refresh();
    const row = this.#journal.manifest.get(stored);
    if (!row) return undefined;
    return (
      this.#cache.get(stored, row.hash) ??
      this.#journal.settled(async () => this.#opened(stored, await this.#inner.get(stored)))
    );
  }

  async list(prefix: string, { after, limit }: { after?: string; limit?: number } = {}): Promise<readonly Stored[]> {
    this.#assertOpen();
    const { paths } = this.#keyring;
    const below = paths.ofPrefix(prefix);
    const options = { ...(after !== undefined && { after: paths.of(after) }), ...(limit !== undefined && { limit }) };
    await this.#journal.refresh();
    return this.#journal.settled(async () => {
      const rows = await this.#inner.list(below, options);
      return rows.map((row) => this.#opened(row.path, row) as Stored);
    });
  }

  async count(prefix: string): Promise<number> {
    this.#assertOpen();
    return this.#inner.count(this.#keyring.paths.ofPrefix(prefix));
  }

  async commit(writes: readonly Write[], expectations: readonly Expectation[] = []): Promise<void> {
    this.#assertOpen();
    const { paths } = this.#keyring;
    await this.#journal.commit(
      writes.map((write) => ({ ...write, stored: paths.of(write.path) })),
      expectations.map(({ path, revision }) => ({ stored: paths.of(path), revision })),
    );
  }

  version(): number {
    this.#assertOpen();
    return this.#inner.version();
  }

  async scrub(): Promise<void> {
    this.#assertOpen();
    await this.#inner.scrub();
  }

  /**
   * Tells the HSM the head of the chain: from then on the store cannot be rolled back behind it. To be called
   * periodically, and before what cannot be undone. Calls that come while one waits share it.
   */
  anchor(): Promise<void> {
    this.#nextAnchor ??= this.#anchoring.then(() => {
      this.#nextAnchor = undefined;
      return this.#writeAnchor();
    });
    this.#anchoring = this.#nextAnchor.catch(() => {});
    return this.#nextAnchor;
  }

  /** Reads the whole table again and checks it against the chain; throws what opening would. */
  async verify(): Promise<void> {
    this.#assertOpen();
    const seen = this.#journal.chain.head;
    assertGoesOn(await Chain.load(this.#inner, this.#keyring), seen);
  }

  /**
   * For the rotation of domain keys: the tokens of the store's keys are replaced by what `change` makes of them. Resolves
   * to how many keys have others than before; nothing is written when none has.
   */
  changeTokens(change: ChangeTokens): Promise<number> {
    return this.#rotation.changeTokens(change);
  }

  /** A new record key seals from now on. What older ones seal is sealed again when it is next written, or by `reseal`. */
  rotateRecordKey(): Promise<void> {
    return this.#rotation.addRecordKey();
  }

  /** Seals by the newest record key whatever an older one seals; resolves to the number of records. */
  reseal(): Promise<number> {
    return this.#rotation.reseal();
  }

  /** HMAC by a key that goes with the store wherever it is: whoever opens it can tell by `isAuthentic`. */
  authenticate(list: Bytes): Bytes {
    this.#assertOpen();
    return this.#keyring.listTag(list);
  }

  isAuthentic(list: Bytes, tag: Bytes): boolean {
    return this.#keyring.equal(this.authenticate(list), tag);
  }

  /** Anchors what was committed, and closes the store below. The HSM must still be open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#journal.drained();
      if (this.#journal.chain.head.sequence !== this.#anchored) await this.anchor();
    } finally {
      this.#keyring.close();
      await this.#inner.close();
    }
  }

  #opened(stored: string, found: Stored | undefined): Stored | undefined {
    const row = checkRow(this.#journal.manifest, this.#keyring, stored, found);
    if (!row) return undefined;
    const hash = this.#journal.manifest.get(stored)?.hash as string;
    const known = this.#cache.get(stored, hash);
    if (known) return known;
    const record = openRow(this.#keyring, row);
    this.#cache.set(stored, hash, record);
    return record;
  }

  /** The anchor is read before the chain is followed: another process may have anchored what is not followed yet. */
  async #writeAnchor(): Promise<void> {
    const remembered = await readAnchors(this.#hsms);
    await this.#journal.refresh();
    const { chain } = this.#journal;
    const { storeId } = this.#keyring;
    const behind = behindAnchors(remembered.values(), storeId, chain);
    if (behind) throw new StoreError("rollback", behind);
    const { head } = chain;
    await writeAnchors(remembered, { storeId, ...head });
    this.#anchored = head.sequence;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("unavailable", "the store is closed");
  }
}
