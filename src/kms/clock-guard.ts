/** Wall clock and run time may part by this much, in milliseconds, before nothing is destroyed any more. */
const tolerance = 5 * 60_000;

/**
 * Destruction cannot be taken back, so it needs clocks that agree: the machine's wall clock, the time that the store last
 * saw, and how long this process has run. A jump suspends it until an operator confirms the time.
 */
export class ClockGuard {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #offset: number;
  #suspended: string | undefined;

  /** `lastSeen`: the wall clock as the store last recorded it; undefined for a new store. */
  constructor(
    lastSeen: number | undefined,
    wall: () => number = () => Date.now(),
    monotonic: () => number = () => performance.now(),
  ) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#offset = wall() - monotonic();
    if (lastSeen !== undefined && wall() < lastSeen - tolerance) {
      this.#suspended = "the machine's clock is behind the time of the last start";
    }
  }

  /** Why nothing may be destroyed now; undefined when it may. */
  check(): string | undefined {
    if (Math.abs(this.#wall() - this.#monotonic() - this.#offset) > tolerance) {
      this.#suspended = "the machine's clock has jumped";
    }
    return this.#suspended;
  }

  /** An operator has looked at the time. */
  confirm(): void {
    this.#offset = this.#wall() - this.#monotonic();
    this.#suspended = undefined;
  }
}
