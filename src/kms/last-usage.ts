import type { Conditions } from "../access/context.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { arnOf, type KeyRecord } from "../model/key.ts";
import { path } from "../store/path.ts";
import type { Expectation, Store, Write } from "../store/store.ts";
import type { Call } from "./call.ts";
import { keyPath } from "./records.ts";

/** The last successful cryptographic operation with a key. */
export interface Usage {
  readonly operation: string;
  /** Milliseconds. */
  readonly time: number;
  readonly eventId: string;
  readonly requestId: string;
}

type KeyName = Pick<KeyRecord, "account" | "region" | "id">;

interface Pending {
  readonly key: KeyName;
  readonly usage: Usage;
}

export const usagePath = ({ account, region, id }: KeyName): string => path("usage", account, region, id);

const day = 86_400_000;
/** Keys of one commit. */
const batch = 64;

/**
 * When each key was last used. A use costs no write: it is remembered here, and `flush` writes what is new. A crash
 * loses what was used since the last flush; the audit log has it all. Right while one process serves a store: of several
 * each would answer what it has seen itself, and what the others have flushed.
 */
export class LastUsage {
  readonly #store: Store;
  /** By ARN: not in the store yet. */
  readonly #pending = new Map<string, Pending>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Of a call that has succeeded. */
  record({ used, operation, now, eventId, caller: { requestId } }: Call): void {
    for (const key of used) {
      this.#pending.set(arnOf(key), { key, usage: { operation, time: now, eventId, requestId } });
    }
  }

  /** undefined: the key has not been used. */
  async of(key: KeyName): Promise<Usage | undefined> {
    const stored = await this.#store.get(usagePath(key));
    const written = stored && (JSON.parse(fromUtf8(stored.value)) as Usage);
    return this.#pending.get(arnOf(key))?.usage ?? written;
  }

  /** kms:TrailingDaysWithoutKeyUsage at `now`, rounded down; a key that was never used counts from its creation. */
  async idleDays(key: KeyRecord, now: number): Promise<Conditions> {
    const since = (await this.of(key))?.time ?? key.createdAt;
    return [["kms:TrailingDaysWithoutKeyUsage", String(Math.max(0, Math.floor((now - since) / day)))]];
  }

  /** Writes what is new. What loses a race, against a change of its key, say, is written by the next run. */
  async flush(): Promise<void> {
    const pending = [...this.#pending];
    for (let start = 0; start < pending.length; start += batch) await this.#write(pending.slice(start, start + batch));
  }

  async #write(pending: readonly (readonly [string, Pending])[]): Promise<void> {
    const found = await Promise.all(pending.map(([, entry]) => this.#found(entry)));
    // A key that is gone leaves no trace of its use: the commit holds only while the others are there.
    const present = found.filter(({ expectation }) => expectation.revision > 0);
    try {
      await this.#store.commit(
        present.map(({ write }) => write),
        present.map(({ expectation }) => expectation),
      );
    } catch (error) {
      if (error instanceof StoreError && error.kind === "conflict") return;
      throw error;
    }
    for (const [arn, entry] of pending) if (this.#pending.get(arn) === entry) this.#pending.delete(arn);
  }

  async #found({ key, usage }: Pending): Promise<{ write: Write; expectation: Expectation }> {
    const keyRecord = keyPath(key.account, key.region, key.id);
    const [found, before] = await Promise.all([this.#store.get(keyRecord), this.#store.get(usagePath(key))]);
    return {
      write: { path: usagePath(key), value: utf8(JSON.stringify(usage)), revision: before?.revision ?? 0 },
      expectation: { path: keyRecord, revision: found?.revision ?? 0 },
    };
  }
}
