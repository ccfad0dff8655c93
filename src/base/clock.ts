/** Time of the service, in milliseconds since the epoch. */
export interface Clock {
  /** The time that key states, rotation and expiry go by. In `dev` it can be ahead of `real`. */
  now(): number;
  /** The machine's time: SigV4, TLS and audit event times. */
  real(): number;
}

export const systemClock: Clock = { now: () => Date.now(), real: () => Date.now() };

/** A clock that only goes forward, for `POST /dev/clock`. */
export class MovableClock implements Clock {
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  real(): number {
    return Date.now();
  }

  /** Whether `advance` has moved it. */
  get moved(): boolean {
    return this.#ahead !== 0;
  }

  advance(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError("the clock only goes forward");
    this.#ahead += milliseconds;
  }
}
