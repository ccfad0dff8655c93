import type { Principals } from "../access/principals.ts";
import type { Outbox } from "../audit/outbox.ts";
import { hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ConfigError, HsmError, StoreError } from "../base/errors.ts";
import type { HsmAdmin } from "../hsm/admin.ts";
import type { HsmConfig } from "../hsm/config.ts";
import type { DomainKey, DomainKeyId } from "../hsm/domain-key.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Member } from "../hsm/member.ts";
import { copyLacks } from "../hsm/shared-domain.ts";
import { parseEkt } from "../model/ekt.ts";
import type { SealedStore } from "../store/sealed.ts";
import { DomainRecords } from "./domain-record.ts";
import { domainKeyEvent } from "./events.ts";
import { importPeriod } from "./imports.ts";
import { changeTokens, eachToken, type KeyTokensParts } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";

export interface DomainKeysParts {
  readonly store: SealedStore;
  readonly hsms: HsmSet;
  readonly member: Member;
  /** Opened for each job and closed after it: the service holds no administration of its HSM. */
  readonly openAdmin: (config: HsmConfig) => Promise<HsmAdmin>;
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

/**
 * The life of one HSM's domain keys: rotation, the rewrap of every token that follows it, quarantine and destruction. Of the
 * HSMs that share a domain key, those of a cluster or copies of each other, the first makes the next one, and the others
 * take it into use.
 */
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

  /**
   * Makes the domain record agree with the HSM, on first start and after a crash between the two; and the HSM with the one
   * that makes its domain keys, after a crash between those.
   */
  adopt(): Promise<DomainKeyId> {
    return this.#administer(this.member, async (admin) => {
      const active = await this.#adopt(admin, this.member);
      const [maker] = await this.#sharing(active);
      const made = maker === this.member ? undefined : (await this.#domain.read(maker.name))?.value.active;
      const isToFollow = (await admin.domainKeys()).some(({ id, state }) => id === made && state === "readable");
      return isToFollow ? this.#activate(admin, this.member, made as DomainKeyId) : active;
    });
  }

  /**
   * Whether the active domain key is older than `period`, in milliseconds. Never, where the HSM keeps keys under the domain
   * key that they were made under: then every rotation leaves one more that must live. Nor where it takes a security
   * officer, or is another HSM's to make.
   */
  async isDue(period: number): Promise<boolean> {
    const { domainKeyMode, wrapping } = this.member.hsm.info;
    if (domainKeyMode !== "plain" || wrapping === "resident") return false;
    const record = await this.#domain.read(this.member.name);
    if (!record || this.#parts.clock.now() - record.value.since < period) return false;
    const [maker] = await this.#sharing(record.value.active);
    return maker === this.member;
  }

  /**
   * A new active domain key; one that a crash has left readable is taken up. `make`: where it takes a security officer.
   * Where other HSMs share the one before, it becomes active when all of them have it, in all of them:
   * `HsmError("unavailable")` until then, and ConfigError where it is another one's to make.
   */
  async rotate(make?: () => Promise<DomainKeyId>): Promise<DomainKeyId> {
    return this.#administer(this.member, async (admin) => {
      const keys = await admin.domainKeys();
      const [maker, ...others] = await this.#sharing(keys.find(({ state }) => state === "active")?.id);
      if (maker !== this.member) {
        throw new ConfigError(`the HSM ${this.member.name} shares the domain key of ${maker.name}: rotate that one's`);
      }
      const left = keys.find(({ state }) => state === "readable");
      const id = left?.id ?? (await (make?.() ?? admin.addDomainKey()));
      await this.member.hsm.reload();
      for (const other of others) await this.#requireThere(other, id);
      await this.#activate(admin, this.member, id);
      for (const other of others) await this.#administer(other, (theirs) => this.#activate(theirs, other, id));
      return id;
    });
  }

  /**
   * Wraps every token anew that is under an older domain key of this HSM, and that it does not keep there: see
   * `changeTokens`.
   */
  rewrap(): Promise<number> {
    return this.#administer(this.member, async (admin) => {
      const active = await this.#adopt(admin, this.member);
      // One that is readable is newer: an HSM that shares it may have taken it into use already.
      const isOlder = ({ id, state }: DomainKey) => id !== active && state !== "readable";
      const older = new Set((await admin.domainKeys()).filter(isOlder).map(({ id }) => id));
      const rewrap = (ekt: Ekt) =>
        older.has(domainKeyOf(ekt)) && admin.keptReason(ekt) === undefined ? admin.rewrap(ekt) : ekt;
      return changeTokens(this.#parts, async (tokens) => (await Promise.all(tokens.map(rewrap))) as [Ekt, ...Ekt[]]);
    });
  }

  /**
   * Takes domain keys that no token needs out of use, and destroys those whose quarantine is over; likewise keys that are
   * objects of the HSM, of which a crash may have left some. One that no token names may be about to get its record: it has
   * to be found so twice. Answers all domain keys, as they are then.
   */
  retire(): Promise<readonly DomainKey[]> {
    return this.#administer(this.member, async (admin) => {
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
      return admin.domainKeys();
    });
  }

  /** Destroys the keys among `gone`, by HBK id, that are objects of the HSM and that no token names any more. */
  async destroy(gone: ReadonlySet<string>): Promise<void> {
    if (gone.size === 0 || this.member.opened?.info.wrapping !== "resident") return;
    await this.#administer(this.member, async (admin) => {
      await destroyUnnamed(admin, (await this.#inUse()).named, (id) => gone.has(id));
    });
  }

  /** Unless it is active already: of a cluster every HSM is what one of them has become. */
  async #activate(admin: HsmAdmin, member: Member, id: DomainKeyId): Promise<DomainKeyId> {
    const isReadable = (await admin.domainKeys()).some((key) => key.id === id && key.state === "readable");
    if (isReadable) await admin.activateDomainKey(id);
    await member.hsm.reload();
    return this.#adopt(admin, member);
  }

  async #adopt(admin: HsmAdmin, { name }: Member): Promise<DomainKeyId> {
    const active = (await admin.domainKeys()).find(({ state }) => state === "active");
    if (!active) throw new StoreError("corrupt", "the HSM has no active domain key");
    const record = await this.#domain.read(name);
    if (record?.value.active !== active.id) {
      const value = { active: active.id, since: this.#parts.clock.now() };
      const write = this.#domain.write(name, value, record?.revision ?? 0);
      await this.#parts.outbox.commit([write], domainKeyEvent(active.id, record?.value.active));
    }
    return active.id;
  }

  /**
   * This HSM and the others that hold its active domain key, or held it when they were last there, in the order of the
   * configuration: the first makes the next one.
   */
  async #sharing(active: DomainKeyId | undefined): Promise<readonly [Member, ...Member[]]> {
    const { members } = this.#parts.hsms;
    const holds = async ({ name, opened }: Member): Promise<boolean> =>
      active !== undefined && (opened?.holds(active) ?? (await this.#domain.read(name))?.value.active === active);
    const held = await Promise.all(members.map((member) => member === this.member || holds(member)));
    return members.filter((_, i) => held[i]) as [Member, ...Member[]];
  }

  async #requireThere(other: Member, id: DomainKeyId): Promise<void> {
    try {
      await other.hsm.reload();
    } catch (error) {
      throw new HsmError(
        "unavailable",
        `the HSM ${other.name} shares the domain key of ${this.member.name}, and the new one waits for it: ${(error as Error).message}`,
      );
    }
    if (!other.hsm.holds(id))
      throw new HsmError("unavailable", `${copyLacks(other.name, this.member.name, id)}; it is not in use before`);
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

  async #administer<T>({ config }: Member, job: (admin: HsmAdmin) => Promise<T>): Promise<T> {
    const admin = await this.#parts.openAdmin(config);
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
