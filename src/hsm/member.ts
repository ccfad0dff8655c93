import { setTimeout as sleep } from "node:timers/promises";
import { HsmError } from "../base/errors.ts";
import type { ConfiguredHsm, HsmConfig } from "./config.ts";
import type { Health, Hsm } from "./hsm.ts";
import { openHsm } from "./index.ts";

/** Between two tries to open an HSM that is away, and to reach one that has failed, in milliseconds. */
const openPause = 500;
const probePause = 100;

/** One HSM of a set. One that does not open is tried again until it does, or until it is closed. */
export class Member {
  readonly configured: ConfiguredHsm;
  readonly #closing = new AbortController();
  #hsm: Hsm | undefined;
  #failure: Error | undefined;
  #trouble: string | undefined;
  #inFlight = 0;
  #work: Promise<unknown> = Promise.resolve();
  #tell: (notice: string) => void = () => undefined;

  private constructor(configured: ConfiguredHsm) {
    this.configured = configured;
  }

  /** Resolves after the first try. */
  static async open(configured: ConfiguredHsm): Promise<Member> {
    const member = new Member(configured);
    if (!(await member.#try())) member.#work = member.#tryAgain();
    return member;
  }

  get name(): string {
    return this.configured.name;
  }

  get config(): HsmConfig {
    return this.configured.hsm;
  }

  /** Throws `HsmError("unavailable")` until it has been opened. */
  get hsm(): Hsm {
    if (this.#hsm) return this.#hsm;
    throw new HsmError("unavailable", `the HSM ${this.name} is away: ${this.#failure?.message}`);
  }

  get opened(): Hsm | undefined {
    return this.#hsm;
  }

  /** Why it has not been opened; undefined when it has. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether it has answered since it last failed. */
  get healthy(): boolean {
    return this.#hsm !== undefined && this.#trouble === undefined;
  }

  /** Calls that wait for an answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** One call. When it fails by the HSM's fault, others are asked first until this HSM answers a probe. */
  async run<T>(work: (hsm: Hsm) => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work(this.hsm);
    } catch (error) {
      if (isFault(error)) this.doubt(error.message);
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Others are asked first from now on, until this HSM answers a probe. */
  doubt(reason: string): void {
    if (!this.healthy || this.#closing.signal.aborted) return;
    this.#trouble = reason;
    this.#work = this.#probe();
  }

  /** Never throws. */
  async health(): Promise<Health> {
    return this.#hsm?.health() ?? { ok: false, detail: `away: ${this.#failure?.message}` };
  }

  /** `tell` hears what an operator should know of it, in sentences: now, and whenever it comes or goes. */
  watch(tell: (notice: string) => void): void {
    this.#tell = tell;
    this.#introduce();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (!this.#hsm) await this.#work;
    await this.#hsm?.close();
    await this.#work;
  }

  async #try(): Promise<boolean> {
    try {
      this.#hsm = await openHsm(this.config);
      this.#failure = undefined;
    } catch (error) {
      // Also a ConfigError: a token that is away looks like one that never was. A refused PIN is not tried again by its
      // driver.
      this.#failure = error as Error;
    }
    return this.#hsm !== undefined;
  }

  async #tryAgain(): Promise<void> {
    do await this.#pause(openPause);
    while (!this.#closing.signal.aborted && !(await this.#try()));
    if (!this.#hsm) return;
    this.#tell("it has come");
    this.#introduce();
  }

  async #probe(): Promise<void> {
    let told = false;
    while (!this.#closing.signal.aborted) {
      const { ok, detail } = await this.hsm.health();
      if (ok) break;
      if (!told) this.#tell(`it does not answer: ${detail}`);
      told = true;
      await this.#pause(probePause);
    }
    this.#trouble = undefined;
    if (told) this.#tell("it answers again");
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined);
  }

  #introduce(): void {
    const notices = this.#hsm ? this.#hsm.info.notices : [`it is away: ${this.#failure?.message}`];
    for (const notice of notices ?? []) this.#tell(notice);
  }
}

/** A failure that another HSM need not have: this one's, not the request's. */
const isFault = (error: unknown): error is HsmError =>
  error instanceof HsmError && (error.kind === "unavailable" || error.kind === "internal");
