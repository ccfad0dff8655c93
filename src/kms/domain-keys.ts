import type { Principals } from "../access/principals.ts";
import type { Outbox } from "../audit/outbox.ts";
import { base64, fromBase64, fromUtf8, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { DomainKey, DomainKeyId, Ekt, Hsm, HsmAdmin } from "../hsm/hsm.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkRecord } from "../model/key.ts";
import { components } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Stored } from "../store/store.ts";
import { DomainRecords } from "./domain-record.ts";
import { domainKeyEvent } from "./events.ts";
import { writeHbk } from "./records.ts";

export interface DomainKeysParts {
  readonly store: SealedStore;
  readonly hsm: Hsm;
  /** Opened for each job and closed after it: the service holds no administration of its HSM. */
  readonly openAdmin: () => Promise<HsmAdmin>;
  readonly principals: Principals;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const day = 86_400_000;
/** How long a domain key that nothing needs any more is refused, before it is destroyed. */
const quarantine = 7 * day;
/** How long cached tokens and calls in flight may outlive the last reference. */
const settling = 60 * 60_000;

const pageSize = 256;

/** The life of domain keys: rotation, the rewrap of every token that follows it, quarantine and destruction. */
export class DomainKeys {
  readonly #parts: DomainKeysParts;
  readonly #domain: DomainRecords;

  constructor(parts: DomainKeysParts) {
    this.#parts = parts;
    this.#domain = new DomainRecords(parts.store);
  }

  /** Makes the domain record agree with the HSM: on first start, and after a crash between the two. */
  adopt(): Promise<DomainKeyId> {
    return this.#administer((admin) => this.#adopt(admin));
  }

  /**
   * Whether the active domain key is older than `period`, in milliseconds. Never, where the HSM keeps keys under the domain
   * key that they were made under: then every rotation leaves one more that must live.
   */
  async isDue(period: number): Promise<boolean> {
    if (this.#parts.hsm.info.domainKeyMode === "locked") return false;
    const record = await this.#domain.read();
    return record !== undefined && this.#parts.clock.now() - record.value.since >= period;
  }

  /** A new active domain key; one that a crash has left readable is taken up. */
  rotate(): Promise<DomainKeyId> {
    return this.#administer(async (admin) => {
      const left = (await admin.domainKeys()).find(({ state }) => state === "readable");
      const id = left?.id ?? (await admin.addDomainKey());
      await this.#parts.hsm.reload();
      await admin.activateDomainKey(id);
      await this.#parts.hsm.reload();
      return this.#adopt(admin);
    });
  }

  /**
   * Wraps every token anew that is not under the active domain key, and that the HSM does not keep there. Each is a commit
   * of its own, so that a crash or a conflict leaves the rest for the next run. Answers how many HBKs it has wrapped.
   */
  rewrap(): Promise<number> {
    return this.#administer(async (admin) => {
      const active = await this.#adopt(admin);
      const rewrap = async (ekt: Ekt): Promise<Ekt> =>
        domainKeyOf(ekt) === active || admin.keptReason(ekt) !== undefined ? ekt : admin.rewrap(ekt);
      await this.#parts.store.rewrapKeys(rewrap);
      await this.#parts.principals.rewrapAccessKeys(rewrap);
      let count = 0;
      for await (const stored of this.#hbks()) count += await this.#rewrapHbk(stored, rewrap);
      return count;
    });
  }

  /**
   * Takes domain keys that no token needs out of use, and destroys those whose quarantine is over. Answers the ones that
   * still exist.
   */
  retire(): Promise<ReadonlySet<DomainKeyId>> {
    return this.#administer(async (admin) => {
      const referenced = await this.#referenced();
      const now = this.#parts.clock.now();
      const old = (key: DomainKey, age: number): boolean => now - key.since >= age;
      for (const key of await admin.domainKeys()) {
        if (key.state === "unwrap-only" && !referenced.has(key.id) && old(key, settling)) {
          await admin.quarantineDomainKey(key.id);
        } else if (key.state === "quarantined" && !referenced.has(key.id) && old(key, quarantine)) {
          await this.#parts.store.anchor();
          await admin.destroyDomainKey(key.id);
        }
      }
      await this.#parts.hsm.reload();
      const left = (await admin.domainKeys()).filter(({ state }) => state !== "destroyed");
      return new Set(left.map(({ id }) => id));
    });
  }

  async #adopt(admin: HsmAdmin): Promise<DomainKeyId> {
    const active = (await admin.domainKeys()).find(({ state }) => state === "active");
    if (!active) throw new StoreError("corrupt", "the HSM has no active domain key");
    const record = await this.#domain.read();
    if (record?.value.active !== active.id) {
      const value = { active: active.id, since: this.#parts.clock.now() };
      const write = this.#domain.write(value, record?.revision ?? 0);
      await this.#parts.outbox.commit([write], domainKeyEvent(active.id, record?.value.active));
    }
    return active.id;
  }

  async #rewrapHbk({ path, value, revision }: Stored, rewrap: (ekt: Ekt) => Promise<Ekt>): Promise<number> {
    const record = JSON.parse(fromUtf8(value)) as HbkRecord;
    const ekt = fromBase64(record.ekt) as Ekt;
    const wrapped = await rewrap(ekt);
    if (wrapped === ekt) return 0;
    const [, region, hbkId] = components(path) as [string, string, string];
    const domainKeys = [...new Set([...record.domainKeys, domainKeyOf(wrapped)])];
    const write = writeHbk(region, hbkId, { ...record, ekt: base64(wrapped), domainKeys }, revision);
    try {
      await this.#parts.store.commit([write]);
      return 1;
    } catch (error) {
      // Deleted or wrapped anew in the meantime: the next run sees what is there.
      if (error instanceof StoreError && error.kind === "conflict") return 0;
      throw error;
    }
  }

  /** Every domain key that some token is under, read from the store itself. */
  async #referenced(): Promise<Set<DomainKeyId>> {
    const referenced = new Set<DomainKeyId>();
    const see = async (ekt: Ekt): Promise<Ekt> => {
      referenced.add(domainKeyOf(ekt));
      return ekt;
    };
    await this.#parts.store.rewrapKeys(see);
    await this.#parts.principals.rewrapAccessKeys(see);
    for await (const { value } of this.#hbks()) {
      await see(fromBase64((JSON.parse(fromUtf8(value)) as HbkRecord).ekt) as Ekt);
    }
    return referenced;
  }

  async *#hbks(): AsyncGenerator<Stored> {
    let after: string | undefined;
    do {
      const page = await this.#parts.store.list("hbk/", { limit: pageSize, ...(after === undefined ? {} : { after }) });
      yield* page;
      after = page.length === pageSize ? page.at(-1)?.path : undefined;
    } while (after !== undefined);
  }

  async #administer<T>(job: (admin: HsmAdmin) => Promise<T>): Promise<T> {
    const admin = await this.#parts.openAdmin();
    try {
      return await job(admin);
    } finally {
      await admin.close();
    }
  }
}

const domainKeyOf = (ekt: Ekt): DomainKeyId => hex(parseEkt(ekt).domainKeyId);
