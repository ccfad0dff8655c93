import type { Principals } from "../access/principals.ts";
import type { Outbox } from "../audit/outbox.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { DomainKey, DomainKeyId, Ekt, HsmAdmin } from "../hsm/hsm.ts";
import type { Member } from "../hsm/member.ts";
import type { SealedStore } from "../store/sealed.ts";
import { DomainRecords } from "./domain-record.ts";
import { domainKeyEvent } from "./events.ts";
import { importPeriod } from "./imports.ts";
import { changeTokens, eachToken, type KeyTokensParts } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";

export interface DomainKeysParts {
  readonly store: SealedStore;
  readonly member: Member;
  /** Opened for each job and closed after it: the service holds no administration of its HSM. */
  readonly openAdmin: () => Promise<HsmAdmin>;
  readonly principals: Principals;
  readonly forget?: KeyTokensParts["forget"];
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const day = 86_400_000;
/** How long a domain key that nothing needs any more is refused, before it is destroyed. */
const quarantine = 7 * day;
/** How long cached tokens and calls in flight may outlive the last reference, and keys that wrap what is imported. */
const settling = importPeriod + 60 * 60_000;

/** The life of one HSM's domain keys: rotation, the rewrap of every token that follows it, quarantine and destruction. */
export class DomainKeys {
  readonly #parts: DomainKeysParts;
  readonly #domain: DomainRecords;

  constructor(parts: DomainKeysParts) {
    this.#parts = parts;
    this.#domain = new DomainRecords(parts.store);
  }

  get member(): Member {
    return this.#parts.member;
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
    if (this.member.hsm.info.domainKeyMode === "locked") return false;
    const record = await this.#domain.read(this.member.name);
    return record !== undefined && this.#parts.clock.now() - record.value.since >= period;
  }

  /** A new active domain key; one that a crash has left readable is taken up. */
  rotate(): Promise<DomainKeyId> {
    return this.#administer(async (admin) => {
      const left = (await admin.domainKeys()).find(({ state }) => state === "readable");
      const id = left?.id ?? (await admin.addDomainKey());
      await this.member.hsm.reload();
      await admin.activateDomainKey(id);
      await this.member.hsm.reload();
      return this.#adopt(admin);
    });
  }

  /** Wraps every token anew that is under an older domain key of this HSM, and that it does not keep there: see `changeTokens`. */
  rewrap(): Promise<number> {
    return this.#administer(async (admin) => {
      const active = await this.#adopt(admin);
      const older = new Set((await admin.domainKeys()).map(({ id }) => id).filter((id) => id !== active));
      const rewrap = (ekt: Ekt) =>
        older.has(domainKeyOf(ekt)) && admin.keptReason(ekt) === undefined ? admin.rewrap(ekt) : ekt;
      return changeTokens(this.#parts, async (tokens) => (await Promise.all(tokens.map(rewrap))) as [Ekt, ...Ekt[]]);
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
      await this.member.hsm.reload();
      const left = (await admin.domainKeys()).filter(({ state }) => state !== "destroyed");
      return new Set(left.map(({ id }) => id));
    });
  }

  async #adopt(admin: HsmAdmin): Promise<DomainKeyId> {
    const active = (await admin.domainKeys()).find(({ state }) => state === "active");
    if (!active) throw new StoreError("corrupt", "the HSM has no active domain key");
    const record = await this.#domain.read(this.member.name);
    if (record?.value.active !== active.id) {
      const value = { active: active.id, since: this.#parts.clock.now() };
      const write = this.#domain.write(this.member.name, value, record?.revision ?? 0);
      await this.#parts.outbox.commit([write], domainKeyEvent(active.id, record?.value.active));
    }
    return active.id;
  }

  /** Every domain key that some token is under. */
  async #referenced(): Promise<Set<DomainKeyId>> {
    const referenced = new Set<DomainKeyId>();
    await eachToken(this.#parts, (tokens) => {
      for (const ekt of tokens) referenced.add(domainKeyOf(ekt));
    });
    return referenced;
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
