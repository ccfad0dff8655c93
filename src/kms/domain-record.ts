import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import { components, path } from "../store/path.ts";
import type { Expectation, Store, Write } from "../store/store.ts";

/** `hsm`: its name. That of a deployment's only HSM stands where it stood when there was no other. */
const recordPath = (hsm: string): string => path("domain", hsm === "main" ? "default" : hsm);
const nameAt = (recordPath: string): string => components(recordPath)[1]?.replace(/^default$/, "main") ?? "";

/** Which domain key new tokens are wrapped under, as the store knows it; each HSM has one. */
export interface DomainRecord {
  readonly active: DomainKeyId;
  /** When it became active, milliseconds. */
  readonly since: number;
}

/** The domain records: whoever commits a key token expects that of its HSM unchanged, whoever rotates changes it. */
export class DomainRecords {
  readonly #store: Pick<Store, "get" | "list">;

  constructor(store: Pick<Store, "get" | "list">) {
    this.#store = store;
  }

  async read(hsm: string): Promise<{ value: DomainRecord; revision: number } | undefined> {
    const stored = await this.#store.get(recordPath(hsm));
    return stored && { value: JSON.parse(fromUtf8(stored.value)) as DomainRecord, revision: stored.revision };
  }

  /** Of the HSMs that were ever configured, by the domain key that was last active in each. */
  async names(): Promise<ReadonlyMap<DomainKeyId, string>> {
    const records = await this.#store.list("domain/");
    return new Map(
      records.map(({ path, value }) => [(JSON.parse(fromUtf8(value)) as DomainRecord).active, nameAt(path)]),
    );
  }

  async expectation(hsm: string): Promise<Expectation> {
    const recorded = recordPath(hsm);
    return { path: recorded, revision: (await this.#store.get(recorded))?.revision ?? 0 };
  }

  write(hsm: string, value: DomainRecord, revision: number): Write {
    return { path: recordPath(hsm), value: utf8(JSON.stringify(value)), revision };
  }
}
