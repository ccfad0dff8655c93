import type { Principals } from "../access/principals.ts";
import type { Outbox } from "../audit/outbox.ts";
import { hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { StoreError } from "../base/errors.ts";
import type { DomainKey, DomainKeyId, HsmAdmin } from "../hsm/admin.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { Member } from "../hsm/member.ts";
import { parseEkt } from "../model/ekt.ts";
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
  /** Objects of the HSM that no token named when they were last looked for. */
  #unnamed: ReadonlySet<string> = new Set();

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
   * key that they were made under: then every rotation leaves one more that must live. Nor where it takes a security officer.
   */
  async isDue(period: number): Promise<boolean> {
    const { domainKeyMode, wrapping } = this.member.hsm.info;
    if (domainKeyMode !== "plain" || wrapping === "resident") return false;
    const record = await this.#domain.read(this.member.name);
    return record !== undefined && this.#parts.clock.now() - record.value.since >= period;
  }

  /** A new active domain key; one that a crash has left readable is taken up. `make`: where it takes a security officer. */
  rotate(make?: () => Promise<DomainKeyId>): Promise<DomainKeyId> {
    return this.#administer(async (admin) => {
      const left = (await admin.domainKeys()).find(({ state }) => state === "readable");
      const id = left?.id ?? (await (make?.() ?? admin.addDomainKey()));
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
   * Takes domain keys that no token needs out of use, and destroys those whose quarantine is over; likewise keys that are
   * objects of the HSM, of which a crash may have left some. One that no token names may be about to get its record: it has
   * to be found so twice. Answers the domain keys that have been destroyed.
   */
  retire(): Promise<ReadonlySet<DomainKeyId>> {
    return this.#administer(async (admin) => {
      const { referenced, named } = await this.#inUse();
      this.#unnamed = await destroyUnnamed(admin, named, (id) => this.#unnamed.has(id));
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
      const destroyed = (await admin.domainKeys()).filter(({ state }) => state === "destroyed");
      return new Set(destroyed.map(({ id }) => id));
    });
  }

  /** Destroys the keys among `gone`, by HBK id, that are objects of the HSM and that no token names any more. */
  async destroy(gone: ReadonlySet<string>): Promise<void> {
    if (gone.size === 0 || this.member.opened?.info.wrapping !== "resident") return;
    await this.#administer(async (admin) => {
      await destroyUnnamed(admin, (await this.#inUse()).named, (id) => gone.has(id));
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

  /** Every domain key that some token is under, and every HBK id that some token names. */
  async #inUse(): Promise<{ readonly referenced: Set<DomainKeyId>; readonly named: Set<string> }> {
    const inUse = { referenced: new Set<DomainKeyId>(), named: new Set<string>() };
    await eachToken(this.#parts, (tokens) => {
      for (const ekt of tokens) {
        inUse.referenced.add(domainKeyOf(ekt));
        inUse.named.add(hex(parseEkt(ekt).hbkId));
      }
    });
    return inUse;
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

/** Of the HSM's objects that are not `named`, those that `isGone`. Answers the others. */
async function destroyUnnamed(
  admin: HsmAdmin,
  named: ReadonlySet<string>,
  isGone: (hbkId: string) => boolean,
): Promise<ReadonlySet<string>> {
  const left = new Set<string>();
  for (const id of await admin.residentKeys()) {
    if (named.has(id)) continue;
    if (isGone(id)) await admin.destroyResidentKey(id);
    else left.add(id);
  }
  return left;
}
