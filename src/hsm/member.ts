import { setTimeout as sleep } from "node:timers/promises";
import { HsmError } from "../base/errors.ts";
import type { ConfiguredHsm, Health, Hsm, HsmConfig } from "./hsm.ts";
import { openHsm } from "./index.ts";

/** Between two tries to open an HSM that is away, in milliseconds. */
const retryPause = 500;

/** One HSM of a set. One that does not open is tried again until it does, or until it is closed. */
export class Member {
  readonly name: string;
  readonly config: HsmConfig;
  readonly #closing = new AbortController();
  #hsm: Hsm | undefined;
  #failure: Error | undefined;
  #opening: Promise<unknown> = Promise.resolve();
  #tell: (notice: string) => void = () => undefined;

  private constructor({ name, hsm }: ConfiguredHsm) {
    this.name = name;
    this.config = hsm;
  }

  /** Resolves after the first try. */
  static async open(configured: ConfiguredHsm): Promise<Member> {
    const member = new Member(configured);
    if (!(await member.#try())) member.#opening = member.#tryAgain();
    return member;
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
    await this.#opening;
    await this.#hsm?.close();
  }

  async #try(): Promise<boolean> {
    try {
      this.#hsm = await openHsm(this.config);
      this.#failure = undefined;
    } catch (error) {
      // Also a ConfigError: a token that is away looks like one that never was. A refused PIN is not tried again by its driver.
      this.#failure = error as Error;
    }
    return this.#hsm !== undefined;
  }

  async #tryAgain(): Promise<void> {
    const { signal } = this.#closing;
    do {
      await sleep(retryPause, undefined, { ref: false, signal }).catch(() => undefined);
    } while (!signal.aborted && !(await this.#try()));
    if (!this.#hsm) return;
    this.#tell("it has come");
    this.#introduce();
  }

  #introduce(): void {
    const notices = this.#hsm ? this.#hsm.info.notices : [`it is away: ${this.#failure?.message}`];
    for (const notice of notices ?? []) this.#tell(notice);
  }
}
