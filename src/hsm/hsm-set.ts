import { type Bytes, hex } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { domainKeyIdOf } from "../model/ekt.ts";
import type { KeySpec, KeyUsage } from "../model/key-spec.ts";
import type { ConfiguredHsm, DomainKeyId, Ekt, Hsm } from "./hsm.ts";
import { Member } from "./member.ts";
import type { Tokens } from "./tokens.ts";

/** How long a domain key that no HSM knows is not asked for again, in milliseconds. */
const unknownFor = 1_000;
const mostUnknown = 1_024;

/** The HSMs of a deployment, and which of them does what. */
export class HsmSet {
  /** The first is the primary. */
  readonly members: readonly [Member, ...Member[]];
  readonly #unknown = new Map<DomainKeyId, number>();

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

  named(name: string): Member | undefined {
    return this.members.find((member) => member.name === name);
  }

  /** Those that hold the domain key which wraps the token. */
  of(ekt: Ekt): readonly Member[] {
    const id = hex(domainKeyIdOf(ekt));
    return this.members.filter(({ opened }) => opened?.holds(id));
  }

  /** Where a new key of this spec and usage is made, or why none is. `name`: in no other HSM than this one. */
  forSpec(spec: KeySpec, usage: KeyUsage, name?: string): { readonly member: Member } | { readonly refusal: string } {
    const member = name === undefined ? this.primary : this.named(name);
    if (!member) return { refusal: `There is no HSM ${name} here.` };
    const refusal = member.hsm.refusal(spec, usage);
    return refusal === undefined ? { member } : { refusal };
  }

  /**
   * Uses a key, by whichever HSM holds one of its tokens. `HsmError("refused")` where none does,
   * `HsmError("unavailable")` where one may that is away.
   */
  async use<T>(tokens: Tokens, call: (ekt: Ekt, hsm: Hsm) => Promise<T>): Promise<T> {
    if (this.members.length === 1 && tokens.length === 1) return call(tokens[0], this.primary.hsm);
    let failure: unknown;
    for (const [ekt, member] of await this.#holders(tokens)) {
      try {
        return await call(ekt, member.hsm);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** Uses two keys in one call inside one HSM; undefined where no HSM holds a token of each. */
  async useBoth<T>(a: Tokens, b: Tokens, call: (a: Ekt, b: Ekt, hsm: Hsm) => Promise<T>): Promise<T | undefined> {
    if (this.members.length === 1 && a.length === 1 && b.length === 1) return call(a[0], b[0], this.primary.hsm);
    const others = await this.#holders(b);
    for (const [ekt, member] of await this.#holders(a)) {
      const other = others.find(([, holder]) => holder === member);
      if (other) return call(ekt, other[0], member.hsm);
    }
    return undefined;
  }

  /** From any of them, the primary first. */
  async random(length: number): Promise<Bytes> {
    let failure: unknown;
    for (const member of this.members) {
      try {
        return await member.hsm.random(length);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  async #holders(tokens: Tokens): Promise<readonly (readonly [Ekt, Member])[]> {
    const found = this.#known(tokens);
    if (found.length > 0) return found;
    await this.#readAgain(hex(domainKeyIdOf(tokens[0])));
    const now = this.#known(tokens);
    if (now.length > 0) return now;
    const away = this.members.find(({ opened }) => !opened);
    if (away) return [[tokens[0], away]];
    throw new HsmError("refused", "no HSM of this deployment holds the key token's domain key");
  }

  #known(tokens: Tokens): readonly (readonly [Ekt, Member])[] {
    return tokens.flatMap((ekt) => this.of(ekt).map((member) => [ekt, member] as const));
  }

  /** The domain key may be one that another process has made. */
  async #readAgain(id: DomainKeyId): Promise<void> {
    const now = performance.now();
    if (now - (this.#unknown.get(id) ?? -unknownFor) < unknownFor) return;
    if (this.#unknown.size >= mostUnknown) this.#unknown.clear();
    this.#unknown.set(id, now);
    await Promise.allSettled(this.members.map(({ opened }) => opened?.reload()));
  }
}

export const isUnavailable = (error: unknown): boolean => error instanceof HsmError && error.kind === "unavailable";
