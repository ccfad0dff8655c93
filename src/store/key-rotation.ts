import { equalBytes } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { type ChangeTokens, sameTokens, type Tokens } from "../hsm/tokens.ts";
import { parseEkt } from "../model/ekt.ts";
import { type Barrier, barrierPath, formatBarrier } from "./barrier.ts";
import { isConflict, type Journal } from "./journal.ts";
import type { Keyring } from "./keyring.ts";
import { checkRow, openRow } from "./row.ts";
import { scan } from "./scan.ts";
import type { Store } from "./store.ts";

/** How the keys of a sealed store change. */
export class KeyRotation {
  readonly #inner: Store;
  readonly #keyring: Keyring;
  readonly #journal: Journal;

  constructor(inner: Store, keyring: Keyring, journal: Journal) {
    this.#inner = inner;
    this.#keyring = keyring;
    this.#journal = journal;
  }

  async changeTokens(change: ChangeTokens): Promise<number> {
    let count = 0;
    await this.#changeBarrier(async ({ index, records }) => {
      const before = [index, ...records];
      const after = await Promise.all(before.map((tokens) => changeSame(tokens, change)));
      count = after.filter((tokens, i) => !sameTokens(tokens, before[i] as Tokens)).length;
      return count > 0 ? { index: after[0] as Tokens, records: after.slice(1) } : undefined;
    });
    return count;
  }

  async addRecordKey(): Promise<void> {
    const ekt = await this.#keyring.makeRecordKey();
    await this.#changeBarrier(async ({ index, records }) => ({ index, records: [...records, [ekt]] }));
  }

  async reseal(): Promise<number> {
    let count = 0;
    for await (const rows of scan(this.#inner)) {
      const old = rows.filter(({ path, value }) => path !== barrierPath && !this.#keyring.isCurrent(value));
      const resealed = await Promise.all(old.map(({ path, revision }) => this.#resealOne(path, revision)));
      count += resealed.filter(Boolean).length;
    }
    return count;
  }

  /** Again after another process's change, until it is made; undefined: nothing to change. */
  async #changeBarrier(change: (barrier: Barrier) => Promise<Barrier | undefined>): Promise<void> {
    for (;;) {
      await this.#journal.refresh();
      const revision = this.#journal.manifest.revision(barrierPath);
      const barrier = await change(this.#keyring.barrier);
      if (!barrier) return;
      // Before the commit: from then on another process may seal by a key that is new.
      await this.#keyring.release(barrier);
      const write = { path: barrierPath, stored: barrierPath, value: formatBarrier(barrier), revision };
      try {
        await this.#journal.commit([write], []);
        return this.#keyring.adopt(barrier);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  /** false when somebody has written it meanwhile, and so sealed it. */
  async #resealOne(stored: string, revision: number): Promise<boolean> {
    const record = await this.#journal.settled(async () => {
      const found = checkRow(this.#journal.manifest, this.#keyring, stored, await this.#inner.get(stored));
      return found && openRow(this.#keyring, found);
    });
    if (record?.revision !== revision) return false;
    try {
      await this.#journal.commit([{ ...record, stored }], []);
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
      return false;
    }
  }
}

/** Throws unless the new tokens say that they are of the same material. */
async function changeSame(tokens: Tokens, change: ChangeTokens): Promise<Tokens> {
  const changed = await change(tokens);
  const { hbkId } = parseEkt(tokens[0]);
  if (changed.every((ekt) => equalBytes(parseEkt(ekt).hbkId, hbkId))) return changed;
  throw new StoreError("corrupt", "a rewrapped store key is of other material");
}
