import type { Pkcs11Config } from "../config.ts";
import type { Link } from "./link.ts";
import { type MethodOf, methods } from "./protocol.ts";
import { deadlineOf, startWorker } from "./start.ts";

/**
 * What is in a token, before and after something that should leave it as it was: a worker of its own, which looks when it
 * is opened.
 */
export class Inventory implements AsyncDisposable {
  readonly #link: Link;
  readonly #deadline: number;

  static async open(config: Pkcs11Config): Promise<Inventory> {
    return new Inventory((await startWorker("inventory", config)).link, deadlineOf("inventory", config));
  }

  private constructor(link: Link, deadline: number) {
    this.#link = link;
    this.#deadline = deadline;
  }

  /** Each object that outlives its session, by class, label and id; two are the same twice. */
  objects(): Promise<readonly string[]> {
    return this.#call("objects");
  }

  /** Whether there was nothing of ours when this was opened. */
  wasEmpty(): Promise<boolean> {
    return this.#call("wasEmpty");
  }

  /** Removes all that is ours; refused where something of ours was there before. */
  clear(): Promise<void> {
    return this.#call("clear");
  }

  /** How many sessions the token says that it has; 0: it does not say, or has no limit. */
  mostSessions(): Promise<number> {
    return this.#call("mostSessions");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#link.close();
  }

  #call<Answer>(method: MethodOf<"inventory">): Promise<Answer> {
    const place = methods.inventory.indexOf(method);
    return this.#link.call(place, [], performance.now() + this.#deadline) as Promise<Answer>;
  }
}
