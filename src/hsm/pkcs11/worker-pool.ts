import { setTimeout as sleep } from "node:timers/promises";
import { HsmError } from "../../base/errors.ts";
import type { Pkcs11Config } from "../config.ts";
import type { DomainKeyId } from "../domain-key.ts";
import type { HsmInfo } from "../hsm.ts";
import type { Link } from "./link.ts";
import type { Profile } from "./profile/profile.ts";
import { type MethodOf, methods, type Opened } from "./protocol.ts";
import { deadlineOf, type Started, startWorker } from "./start.ts";

/**
 * SoftHSM2 on two cores: one serves 23,000 encryptions in a second, more than a server passes on, and two no more than
 * that. A network HSM that takes a millisecond to answer wants one for each thousand calls in a second.
 */
const defaultWorkers = 1;
/** More would wait longer for their turn than for their answer. */
const defaultInFlight = 2048;
/** A call that has seen so many workers fail is what makes them fail. */
const mostTries = 8;
/** Milliseconds. */
const longestPause = { down: 400, degraded: 5_000 };
/** A worker that lived this long is replaced at once, another one after a pause. */
const steady = 2_000;
/** For a worker. */
const longestWait = 5_000;

interface Waiting {
  readonly timer: NodeJS.Timeout;
  resolve(link: Link): void;
  reject(error: Error): void;
}

/**
 * The workers of one HSM. Each call goes to the one with the fewest; a worker that ends is replaced for as long as the
 * pool is open. A call of the request path whose worker fails is given to another, and one that finds none waits for one,
 * both until its deadline: no call of it changes the token but `writeAnchor`, which may be repeated. Calls of
 * administration are never repeated. Whatever a call could not get in time fails with `HsmError("unavailable")`.
 */
export class WorkerPool<R extends "hsm" | "admin"> {
  readonly info: HsmInfo;
  readonly profile: R extends "hsm" ? Profile : undefined;
  /** Of the first worker. */
  readonly sessions: number;
  readonly #role: R;
  readonly #config: Pkcs11Config;
  readonly #size: number;
  readonly #mostInFlight: number;
  readonly #links = new Set<Link>();
  /** Those that asked to be replaced, and serve until they are. */
  readonly #retiring = new Set<Link>();
  readonly #waiting = new Set<Waiting>();
  readonly #closing = new AbortController();
  #domainKeys: ReadonlySet<DomainKeyId>;
  #inFlight = 0;
  #filling: Promise<void> | undefined;
  /** Starts that failed one after the other, and workers that ended soon after their start. */
  #failures = 0;
  #deaths = 0;
  #reloads = 0;
  #down = "no PKCS#11 worker is ready";

  /**
   * Resolves when the first worker serves; the others log in after it, one by one. Throws what its start throws:
   * ConfigError or HsmError.
   */
  static async open<R extends "hsm" | "admin">(role: R, config: Pkcs11Config): Promise<WorkerPool<R>> {
    let pool: WorkerPool<R> | undefined;
    const started = await startWorker<Opened>(role, config, { onRetire: (link) => pool?.retire(link) });
    pool = new WorkerPool(role, config, started);
    return pool;
  }

  private constructor(role: R, config: Pkcs11Config, { link, answer }: Started<Opened>) {
    this.#role = role;
    this.#config = config;
    this.#size = role === "hsm" ? (config.workers ?? defaultWorkers) : 1;
    this.#mostInFlight = config.inFlight ?? defaultInFlight;
    this.info = answer.info;
    this.profile = answer.profile as typeof this.profile;
    this.sessions = answer.sessions;
    this.#domainKeys = new Set(answer.domainKeys);
    this.#follow(link);
    this.#fill();
  }

  /** Of the workers that serve now. */
  get pids(): readonly number[] {
    return [...this.#links].flatMap(({ serves, pid }) => (serves && pid !== undefined ? [pid] : []));
  }

  /** Why no worker serves; undefined when one does. */
  get down(): string | undefined {
    return this.#leastBusy() ? undefined : this.#down;
  }

  /** Those that the workers unwrap by, as one of them has read it last. */
  get domainKeys(): ReadonlySet<DomainKeyId> {
    return this.#domainKeys;
  }

  async call<T>(method: MethodOf<R>, ...args: readonly unknown[]): Promise<T> {
    if (this.#inFlight >= this.#mostInFlight) {
      throw new HsmError("unavailable", `the HSM is busy: ${this.#mostInFlight} calls wait for it`);
    }
    this.#inFlight += 1;
    try {
      return (await this.#tried(method, args)) as T;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Every worker, and one that is starting, reads the domain state again. Rejects when there is none that could. */
  async reload(this: WorkerPool<"hsm">): Promise<void> {
    this.#reloads += 1;
    const reloaded = await Promise.all([...this.#links].map((link) => this.#reloadOrEnd(link)));
    if (!reloaded.includes(true)) this.#domainKeys = new Set(await this.call<DomainKeyId[]>("reload"));
  }

  /** One that cannot might go on as it was: it ends, and the next one reads everything anyway. */
  async #reloadOrEnd(link: Link): Promise<boolean> {
    try {
      const due = performance.now() + deadlineOf(this.#role, this.#config);
      this.#domainKeys = new Set((await link.call(methods.hsm.indexOf("reload"), [], due)) as DomainKeyId[]);
      return true;
    } catch {
      link.kill("it did not read the domain state again");
      return false;
    }
  }

  /** Has another worker take the place of `link`, which then finishes its calls. */
  retire(link: Link): void {
    if (!link.serves) return;
    this.#retiring.add(link);
    this.#fill();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const waiting of this.#waiting) this.#giveUp(waiting, closed());
    await this.#filling;
    await Promise.all([...this.#links].map((link) => link.close()));
  }

  async #tried(method: MethodOf<R>, args: readonly unknown[]): Promise<unknown> {
    const due = performance.now() + deadlineOf(this.#role, this.#config, method);
    const repeatable = this.#role === "hsm" && method !== "health";
    for (let tries = 1; ; tries++) {
      if (this.#closing.signal.aborted) throw closed();
      const link = this.#leastBusy() ?? (await this.#oneThatServes(due));
      try {
        return await link.call(this.#codeOf(method), args, due);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        // It must not be written later, over a newer one.
        if (method === "writeAnchor") link.kill("it did not write the anchor in time");
        if (!repeatable || tries === mostTries || performance.now() >= due) throw error;
      }
    }
  }

  #codeOf(method: MethodOf<R>): number {
    return (methods[this.#role] as readonly string[]).indexOf(method);
  }

  #leastBusy(): Link | undefined {
    let least: Link | undefined;
    for (const link of this.#links) {
      if (link.serves && (!least || link.inFlight < least.inFlight)) least = link;
    }
    return least;
  }

  #oneThatServes(due: number): Promise<Link> {
    return new Promise((resolve, reject) => {
      const wait = Math.min(due - performance.now(), longestWait);
      const timer = setTimeout(() => this.#giveUp(waiting, new HsmError("unavailable", this.#down)), wait);
      const waiting = { timer, resolve, reject };
      this.#waiting.add(waiting);
    });
  }

  #giveUp(waiting: Waiting, error: Error): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
    waiting.reject(error);
  }

  get #lacks(): boolean {
    if (this.#closing.signal.aborted) return false;
    return this.#retiring.size > 0 || [...this.#links].filter(({ serves }) => serves).length < this.#size;
  }

  #fill(): void {
    if (!this.#lacks) return;
    this.#filling ??= this.#fillUp().finally(() => {
      this.#filling = undefined;
      this.#fill();
    });
  }

  async #fillUp(): Promise<void> {
    while (this.#lacks) {
      await this.#pause();
      try {
        await this.#add();
        this.#failures = 0;
      } catch (error) {
        // What was a right configuration before may become one again: a token that is away, a PIN that is being changed.
        this.#down = (error as Error).message;
        this.#failures += 1;
      }
    }
  }

  /** Ends early when the last worker does. */
  async #pause(): Promise<void> {
    const troubles = this.#failures + this.#deaths;
    if (troubles === 0) return;
    const wanted = 25 * 2 ** troubles * (0.5 + Math.random() / 2);
    const start = performance.now();
    const longest = () => (this.down === undefined ? longestPause.degraded : longestPause.down);
    while (!this.#closing.signal.aborted && performance.now() - start < Math.min(wanted, longest())) await sleep(20);
  }

  async #add(): Promise<void> {
    if (!this.#lacks) return;
    const reloads = this.#reloads;
    const { link, answer } = await startWorker<Opened>(this.#role, this.#config, {
      onRetire: (link) => this.retire(link),
    });
    const { serial, model } = answer.info;
    if (serial !== this.info.serial || model !== this.info.model) {
      await link.close();
      throw new HsmError("unavailable", "another token answers to the name of this one");
    }
    this.#domainKeys = new Set(answer.domainKeys);
    this.#follow(link);
    if (reloads !== this.#reloads) void this.#reloadOrEnd(link);
    for (const { timer, resolve } of this.#waiting) {
      clearTimeout(timer);
      resolve(link);
    }
    this.#waiting.clear();
    const [old] = this.#retiring;
    if (!old) return;
    this.#retiring.delete(old);
    void old.close();
  }

  #follow(link: Link): void {
    const since = performance.now();
    this.#links.add(link);
    link.ended.then((reason) => {
      this.#links.delete(link);
      this.#retiring.delete(link);
      if (link.closing) return;
      this.#deaths = performance.now() - since > steady ? 0 : this.#deaths + 1;
      this.#down = `the PKCS#11 worker ended: ${reason}`;
      this.#fill();
    });
  }
}

const closed = () => new HsmError("unavailable", "the HSM is closed");

const isUnavailable = (error: unknown): boolean => error instanceof HsmError && error.kind === "unavailable";
