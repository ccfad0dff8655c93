import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

/** Clocks may part by this much, in milliseconds, before nothing is destroyed any more. */
const tolerance = 5 * 60_000;

/** The wall clock as the store last saw it, and why destruction is suspended. */
const seenPath = path("setting", "seen");
const suspendedPath = path("setting", "clock-suspended");

export interface Clocks {
  wall(): number;
  monotonic(): number;
}

const machineClocks: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * Destruction cannot be taken back, so it needs clocks that agree: the machine's wall clock, the time that the store last
 * saw, and how long this process has run. A jump suspends it, across restarts, until an operator confirms the time.
 */
export class ClockGuard {
  readonly #store: Store;
  readonly #clocks: Clocks;
  readonly #offset: number;

  constructor(store: Store, clocks = machineClocks) {
    this.#store = store;
    this.#clocks = clocks;
    this.#offset = clocks.wall() - clocks.monotonic();
  }

  /** Why nothing may be destroyed now; undefined when it may. The store then sees the time. */
  async check(): Promise<string | undefined> {
    const suspended = await this.#store.get(suspendedPath);
    if (suspended) return fromUtf8(suspended.value);
    const reason = await this.#disagreement();
    if (reason === undefined) await see(this.#store, this.#clocks.wall());
    else await put(this.#store, suspendedPath, reason);
    return reason;
  }

  async #disagreement(): Promise<string | undefined> {
    const { wall, monotonic } = this.#clocks;
    if (Math.abs(wall() - monotonic() - this.#offset) > tolerance) return "the machine's clock has jumped";
    const seen = await this.#store.get(seenPath);
    const behind = seen && wall() < Number(fromUtf8(seen.value)) - tolerance;
    return behind ? "the machine's clock is behind the time that the store has seen" : undefined;
  }
}

/** Proof that the store commits, and the time for the next check. */
export const see = (store: Store, wall: number): Promise<void> => put(store, seenPath, String(wall));

/** An operator has looked at the machine's time: it is right. */
export async function confirmClock(store: Store): Promise<void> {
  const suspended = await store.get(suspendedPath);
  if (suspended) await store.commit([{ path: suspendedPath, value: undefined, revision: suspended.revision }]);
  await see(store, Date.now());
}

/** Another process that writes it at the same time says the same. */
async function put(store: Store, recordPath: string, text: string): Promise<void> {
  const revision = (await store.get(recordPath))?.revision ?? 0;
  try {
    await store.commit([{ path: recordPath, value: utf8(text), revision }]);
  } catch (error) {
    if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
  }
}
