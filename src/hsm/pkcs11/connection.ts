import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError, HsmError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import type { HsmInfo, Pkcs11Config } from "../hsm.ts";
import { readSecret } from "../secret-reference.ts";
import { Link } from "./link.ts";
import { trustedModule } from "./module-file.ts";
import { PinLatch } from "./pin-latch.ts";
import { type MethodOf, methods, PinRefused, type Role } from "./protocol.ts";
import { parseUri, type TokenUri } from "./uri.ts";

const defaultDeadline = 10_000;
/** Loading a module and logging in takes a slow HSM seconds. */
const leastStartDeadline = 15_000;
/** An HSM may need a minute for an RSA key pair. */
const leastAdminDeadline = 120_000;
const longestPause = 5_000;
/** A worker that lived this long is replaced at once, another one after a pause. */
const steady = 2_000;

/**
 * A worker that is replaced when it ends, for as long as the connection is open. Calls that come while a worker starts
 * wait for it; calls that come between two starts fail with `HsmError("unavailable")` at once.
 */
export class Connection<R extends "hsm" | "admin"> {
  readonly info: HsmInfo;
  readonly #role: R;
  readonly #config: Pkcs11Config;
  #link: Link;
  #starting: Promise<Link> | undefined;
  #down = "";
  #failures = 0;
  readonly #closing = new AbortController();

  /** Throws what the first start throws: ConfigError or HsmError. */
  static async open<R extends "hsm" | "admin">(role: R, config: Pkcs11Config): Promise<Connection<R>> {
    let connection: Connection<R> | undefined;
    const { link, answer } = await startWorker(role, config, () => connection?.renew());
    connection = new Connection(role, config, link, answer as HsmInfo);
    return connection;
  }

  private constructor(role: R, config: Pkcs11Config, link: Link, info: HsmInfo) {
    this.#role = role;
    this.#config = config;
    this.info = info;
    this.#link = link;
    this.#follow(link);
  }

  /** Of the worker that serves now. */
  get pid(): number | undefined {
    return this.#link.pid;
  }

  async call<T>(method: MethodOf<R>, ...args: readonly unknown[]): Promise<T> {
    if (this.#closing.signal.aborted) throw new HsmError("unavailable", "the HSM is closed");
    if (this.#down !== "" && !this.#starting) throw new HsmError("unavailable", this.#down);
    const link = this.#down === "" ? this.#link : await (this.#starting as Promise<Link>);
    return link.call((methods[this.#role] as readonly string[]).indexOf(method), args) as Promise<T>;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const starting = await this.#starting?.catch(() => undefined);
    await Promise.all([this.#link.close(), starting?.close()]);
  }

  /** Starts another worker, then lets the old one finish. */
  renew(): void {
    if (this.#starting || this.#closing.signal.aborted) return;
    const old = this.#link;
    this.#start().then(
      () => old.close(),
      // The old one serves on.
      () => setTimeout(() => this.renew(), longestPause).unref(),
    );
  }

  #follow(link: Link): void {
    const since = performance.now();
    link.ended.then((reason) => {
      if (this.#link !== link || this.#closing.signal.aborted) return;
      if (performance.now() - since > steady) this.#failures = 0;
      this.#down = `the PKCS#11 worker ended: ${reason}`;
      void this.#restart();
    });
  }

  async #restart(): Promise<void> {
    while (this.#down !== "" && !this.#closing.signal.aborted) {
      if (this.#starting) {
        await this.#starting.catch(() => undefined);
        continue;
      }
      const pause = this.#failures === 0 ? 0 : Math.min(longestPause, 25 * 2 ** this.#failures);
      this.#failures += 1;
      try {
        if (pause > 0) await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal });
        await this.#start();
      } catch (error) {
        this.#down = (error as Error).message;
      }
    }
  }

  #start(): Promise<Link> {
    this.#starting = this.#started().finally(() => {
      this.#starting = undefined;
    });
    // Those who wait see the failure, too, or nobody does.
    this.#starting.catch(() => undefined);
    return this.#starting;
  }

  async #started(): Promise<Link> {
    try {
      const { link, answer } = await startWorker(this.#role, this.#config, () => this.renew());
      const { serial, model } = answer as HsmInfo;
      if (serial !== this.info.serial || model !== this.info.model) {
        await link.close();
        throw new HsmError("unavailable", "another token answers to the name of this one");
      }
      this.#link = link;
      this.#down = "";
      this.#follow(link);
      return link;
    } catch (error) {
      // What was a right configuration before may become one again: a token that is away, a PIN that is being changed.
      throw new HsmError("unavailable", (error as Error).message, { cause: error });
    }
  }
}

/** One login after the other, by URI: as many workers with one wrong PIN are as many tries. */
const turns = new Map<string, Promise<unknown>>();

interface Started {
  readonly link: Link;
  /** To the greeting. */
  readonly answer: unknown;
}

/** Starts a worker and waits until it is ready. ConfigError, or the HsmError of the start. */
export function startWorker(role: Role, config: Pkcs11Config, onRetire = () => {}): Promise<Started> {
  const before = turns.get(config.uri) ?? Promise.resolve();
  const started = before.then(() => loggedIn(role, config, onRetire));
  turns.set(
    config.uri,
    started.catch(() => undefined),
  );
  return started;
}

async function loggedIn(role: Role, config: Pkcs11Config, onRetire: () => void): Promise<Started> {
  const uri = parseUri(config.uri);
  const module = trustedModule(uri.modulePath);
  const environment = checkedEnvironment(config.environment ?? {});
  const deadline = config.deadline ?? defaultDeadline;
  const reference = config.pin ?? uri.pinSource;
  // To be looked at, a token needs no PIN.
  if (reference === undefined && role !== "probe") {
    throw new ConfigError("no PIN is given: pin, or pin-source in the PKCS#11 URI");
  }
  const latch =
    reference === undefined ? undefined : new PinLatch(tokenName(module, uri), reference, config.stateDirectory);
  latch?.check();
  const pin = reference === undefined ? undefined : readSecret(reference);

  const greeting = { role, module, token: selectorOf(uri), ...(pin && { pin }), engine: config.engine ?? "wasm" };
  const link = new Link({
    greeting,
    environment,
    deadline: role === "hsm" ? deadline : Math.max(deadline, leastAdminDeadline),
    startDeadline: Math.max(deadline, role === "probe" ? leastAdminDeadline : leastStartDeadline),
    onRetire,
  });
  wipe(pin);
  try {
    return { link, answer: await link.ready };
  } catch (error) {
    if (error instanceof PinRefused) latch?.set();
    await link.close();
    throw error;
  }
}

const tokenName = (module: string, { token, serial, slotId }: TokenUri): string =>
  [module, token, serial, slotId].join("\0");

function selectorOf({ token, serial, manufacturer, model, slotId }: TokenUri) {
  return {
    ...(token !== undefined && { label: token }),
    ...(serial !== undefined && { serial }),
    ...(manufacturer !== undefined && { manufacturer }),
    ...(model !== undefined && { model }),
    ...(slotId !== undefined && { slotId }),
  };
}

/** NODE_OPTIONS and its like would load code or open an inspector beside the PIN. */
function checkedEnvironment(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const name of Object.keys(environment)) {
    if (/^NODE_/i.test(name)) throw new ConfigError(`${name} cannot be given to a PKCS#11 worker`);
  }
  return environment;
}
