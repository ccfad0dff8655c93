import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { DomainKeyId } from "../hsm/hsm.ts";
import { path } from "../store/path.ts";
import type { Expectation, Store, Write } from "../store/store.ts";

const recordPath = path("domain", "default");

/** Which domain key new tokens are wrapped under, as the store knows it. */
export interface DomainRecord {
  readonly active: DomainKeyId;
  /** When it became active, milliseconds. */
  readonly since: number;
}

/** The domain record: whoever commits a key token expects it unchanged, whoever rotates changes it. */
export class DomainRecords {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(): Promise<{ value: DomainRecord; revision: number } | undefined> {
    const stored = await this.#store.get(recordPath);
    return stored && { value: JSON.parse(fromUtf8(stored.value)) as DomainRecord, revision: stored.revision };
  }

  async expectation(): Promise<Expectation> {
    return { path: recordPath, revision: (await this.#store.get(recordPath))?.revision ?? 0 };
  }

  write(value: DomainRecord, revision: number): Write {
    return { path: recordPath, value: utf8(JSON.stringify(value)), revision };
  }
}
