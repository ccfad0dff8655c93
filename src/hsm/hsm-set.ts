import { type Bytes, hex } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { domainKeyIdOf } from "../model/ekt.ts";
import type { HbkSpec, KeyUsage } from "../model/key-spec.ts";
import type { ConfiguredHsm } from "./config.ts";
import type { DomainKeyId } from "./domain-key.ts";
import { firstAnswer } from "./failover.ts";
import type { Ekt, Hsm } from "./hsm.ts";
import { Member } from "./member.ts";
import type { Tokens } from "./tokens.ts";

/** How long a domain key that no HSM knows is not asked for again, in milliseconds; longer where a key has another one. */
const unknownFor = { onlyOne: 1_000, oneOfSeveral: 60_000 };
const mostUnknown = 1_024;

export interface Makers {
  readonly members: readonly Member[];
}

/** The HSMs of a deployment, and which of them does what. */
export class HsmSet {
  /** The first is the primary. */
  readonly members: readonly [Member, ...Member[]];
  /** When the HSMs have last been asked for a domain key, and the asking. */
  readonly #unknown = new Map<DomainKeyId, { readonly at: number; readonly asking: Promise<unknown> }>();

  private constructor(members: readonly Member[]) {
    this.members = members as [Member, ...Member[]];
  }

  /** Those that are away are opened when they come; throws what the primary's start throws when all are. */
  static async open(configured: readonly ConfiguredHsm[]): Promise<HsmSet> {
    const set = new HsmSet(await Promise.all(configured.map((one) => Member.open(one))));
    if (set.members.some(({ opened }) => opened)) return set;
    await set.close();
    throw set.primary.failure;
  }

  get primary(): Member {
    return this.members[0];
  }

  /** Those that keep the store's own keys, those of access keys, and the store's anchor. */
  get keepers(): readonly Member[] {
    return this.replicasOf(this.primary);
  }

  named(name: string): Member | undefined {
    return this.members.find((member) => member.name === name);
  }

  /** Those that hold the domain key which wraps the token. */
  of(ekt: Ekt): readonly Member[] {
    const id = hex(domainKeyIdOf(ekt));
    return this.members.filter(({ opened }) => opened?.holds(id));
  }

  /** Of one of its HSMs that is open. */
  nameOf(hsm: Hsm): string {
    return (this.members.find(({ opened }) => opened === hsm) ?? this.primary).name;
  }

  /**
   * Where a new key of this spec and usage can be made, the best place first, or why it cannot: in the HSM that is
   * configured for the spec, the default one, or the primary, and in those that hold each other's keys with it. `name`: in
   * no other HSM than this one.
   */
  forSpec(spec: HbkSpec, usage: KeyUsage, name?: string): Makers | { readonly refusal: string } {
    const chosen = name === undefined ? this.#configuredFor(spec) : this.named(name);
    if (!chosen) return { refusal: `There is no HSM ${name} here.` };
    const candidates = name === undefined ? this.replicasOf(chosen) : [chosen];
    const refusals = candidates.map(({ opened }) => opened?.refusal(spec, usage));
    const members = candidates.filter((_, i) => refusals[i] === undefined);
    return members.length > 0 ? { members } : { refusal: refusals[0] as string };
  }

  /** Those that hold, or are to hold, each other's keys: the HSM that others are replicas of, first. */
  replicasOf(member: Member): readonly [Member, ...Member[]] {
    const original = this.named(member.configured.replicaOf ?? member.name) ?? member;
    return [original, ...this.members.filter(({ configured }) => configured.replicaOf === original.name)];
  }

  /**
   * Uses a key, by any HSM that holds one of its tokens: `work` may be done more than once. `HsmError("refused")` where
   * none does, `HsmError("unavailable")` where one may that is away. `patient`: see `firstAnswer`.
   */
  async use<T>(tokens: Tokens, work: (ekt: Ekt, hsm: Hsm) => Promise<T>, patient = false): Promise<T> {
    if (this.members.length === 1 && tokens.length === 1) return work(tokens[0], this.primary.hsm);
    const holders = await this.#holders(tokens);
    const attempts = holders.map(([ekt, member]) => ({ member, work: (hsm: Hsm) => work(ekt, hsm) }));
    return firstAnswer(attempts, patient);
  }

  /** Uses two keys in one call inside one HSM; undefined where no HSM holds a token of each. */
  async useBoth<T>(a: Tokens, b: Tokens, work: (a: Ekt, b: Ekt, hsm: Hsm) => Promise<T>): Promise<T | undefined> {
    if (this.members.length === 1 && a.length === 1 && b.length === 1) return work(a[0], b[0], this.primary.hsm);
    const others = await this.#holders(b);
    const attempts = (await this.#holders(a)).flatMap(([ekt, member]) => {
      const other = others.find(([, holder]) => holder === member);
      return other ? [{ member, work: (hsm: Hsm) => work(ekt, other[0], hsm) }] : [];
    });
    return attempts.length > 0 ? firstAnswer(attempts) : undefined;
  }

  /** Has one of `members` make what needs no key: `work` may be done more than once, and may take its time. */
  anyOf<T>(members: readonly Member[], work: (hsm: Hsm, member: Member) => Promise<T>): Promise<T> {
    if (members.length === 1 && members[0]?.opened) return work(members[0].opened, members[0]);
    const attempts = members.map((member) => ({ member, work: (hsm: Hsm) => work(hsm, member) }));
    return firstAnswer(attempts, true);
  }

  random(length: number): Promise<Bytes> {
    return this.anyOf(this.keepers, (hsm) => hsm.random(length));
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  /** Operators know SM4 as what SYMMETRIC_DEFAULT is in some Regions. */
  #configuredFor(hbkSpec: HbkSpec): Member {
    const spec = hbkSpec === "SM4" ? "SYMMETRIC_DEFAULT" : hbkSpec;
    const of = (wanted: (specs: ConfiguredHsm["specs"]) => boolean | undefined) =>
      this.members.find(({ configured }) => wanted(configured.specs));
    return (
      of((specs) => specs !== "default" && specs?.includes(spec)) ?? of((specs) => specs === "default") ?? this.primary
    );
  }

  async #holders(tokens: Tokens): Promise<readonly (readonly [Ekt, Member])[]> {
    const found = this.#known(tokens);
    if (found.length > 0) {
      const others = tokens.filter((token) => !found.some(([ekt]) => ekt === token));
      for (const token of others) void this.#readAgain(token, unknownFor.oneOfSeveral);
      return found;
    }
    await this.#readAgain(tokens[0], unknownFor.onlyOne);
    const now = this.#known(tokens);
    if (now.length > 0) return now;
    const away = this.members.find(({ opened }) => !opened);
    if (away) return [[tokens[0], away]];
    throw new HsmError("refused", "no HSM of this deployment holds the key token's domain key");
  }

  #known(tokens: Tokens): readonly (readonly [Ekt, Member])[] {
    return tokens.flatMap((ekt) => this.of(ekt).map((member) => [ekt, member] as const));
  }

  /** The domain key may be one that another process has made. Never rejects. */
  #readAgain(ekt: Ekt, period: number): Promise<unknown> {
    const id = hex(domainKeyIdOf(ekt));
    const now = performance.now();
    const last = this.#unknown.get(id);
    if (last && now - last.at < period) return last.asking;
    if (this.#unknown.size >= mostUnknown) this.#unknown.clear();
    const asking = Promise.allSettled(this.members.map(({ opened }) => opened?.reload()));
    this.#unknown.set(id, { at: now, asking });
    return asking;
  }
}
