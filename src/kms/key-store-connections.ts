import { randomUUID } from "node:crypto";
import { everyRecord } from "../access/records.ts";
import { buildServiceEvent } from "../audit/event.ts";
import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { CustomKeyStore } from "../model/custom-key-store.ts";
import { parseJson } from "../model/json.ts";
import { components } from "../store/path.ts";
import type { Store, Stored, Write } from "../store/store.ts";
import type { CustomKeyStores } from "./custom-key-stores.ts";
import { type KeyStoresRecord, keyStoresPrefix, writeKeyStores } from "./key-store-records.ts";

export interface ConnectionParts {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly keyStores: CustomKeyStores;
  readonly forget: (writes: readonly Write[]) => void;
}

interface Settled {
  readonly settled: CustomKeyStore;
  /** A fault of ours: for the operator. */
  readonly failure?: unknown;
}

/** Ends what ConnectCustomKeyStore and DisconnectCustomKeyStore have begun, a crash in between or not. */
export class KeyStoreConnections {
  readonly #parts: ConnectionParts;
  /** Paths of records that have changed since the last run. */
  readonly #changed = new Set<string>();
  #started = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** `path`: of the custom key stores of an account and region, which have just been committed. */
  note(path: string): void {
    this.#changed.add(path);
  }

  async run(): Promise<void> {
    const { store } = this.#parts;
    if (!this.#started) for await (const { path } of everyRecord(store, keyStoresPrefix)) this.note(path);
    this.#started = true;
    for (const path of this.#changed) {
      this.#changed.delete(path);
      const stored = await store.get(path);
      if (stored) await this.#settle(stored);
    }
  }

  /** One store a commit: the watch tells of the others again. */
  async #settle({ path, value, revision }: Stored): Promise<void> {
    const { stores } = parseJson(fromUtf8(value)) as KeyStoresRecord;
    const store = stores.find(({ state }) => state === "CONNECTING" || state === "DISCONNECTING");
    if (!store) return;
    const [, account, region] = components(path) as [string, string, string];
    const requestId = randomUUID();
    const { settled, failure } = await this.#settled(region, store, requestId);
    const others = stores.filter((other) => other !== store);
    const writes = [writeKeyStores(account, region, [...others, settled], revision)];
    const event = buildServiceEvent({
      name: store.state === "CONNECTING" ? "ConnectCustomKeyStore" : "DisconnectCustomKeyStore",
      account,
      region,
      time: Date.now(),
      requestId,
      details: { customKeyStoreId: store.id, connectionState: settled.state, connectionErrorCode: settled.errorCode },
    });
    try {
      await this.#parts.outbox.commit(writes, event);
    } catch (error) {
      // Somebody has changed one of the stores, and the watch has told of it.
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    } finally {
      this.#parts.forget(writes);
    }
    if (failure !== undefined) throw failure;
  }

  async #settled(region: string, store: CustomKeyStore, requestId: string): Promise<Settled> {
    if (store.state === "DISCONNECTING") return { settled: { ...store, state: "DISCONNECTED" } };
    try {
      const errorCode = await this.#parts.keyStores.connect(store, { region, requestId });
      return { settled: errorCode ? { ...store, state: "FAILED", errorCode } : { ...store, state: "CONNECTED" } };
    } catch (failure) {
      return { settled: { ...store, state: "FAILED", errorCode: "INTERNAL_ERROR" }, failure };
    }
  }
}
