/**
 * The most recently used values by name, each for a time after it was put in. `release` is called once for each that
 * leaves.
 */
export class HandleCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();
  readonly #capacity: number;
  readonly #timeToLive: number;
  readonly #release: (value: Value) => void;

  /** `timeToLive` in milliseconds. */
  constructor(capacity: number, timeToLive: number, release: (value: Value) => void) {
    this.#capacity = capacity;
    this.#timeToLive = timeToLive;
    this.#release = release;
  }

  get(name: string): Value | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    this.#entries.delete(name);
    if (entry.until > performance.now()) {
      this.#entries.set(name, entry);
      return entry.value;
    }
    this.#release(entry.value);
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#drop(name);
    this.#entries.set(name, { value, until: performance.now() + this.#timeToLive });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#capacity) this.#drop(oldest as string);
  }

  /** To be called now and then: what is not used again would stay. */
  expire(): void {
    const now = performance.now();
    for (const [name, { until }] of this.#entries) if (until <= now) this.#drop(name);
  }

  clear(): void {
    for (const name of [...this.#entries.keys()]) this.#drop(name);
  }

  #drop(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    this.#entries.delete(name);
    this.#release(entry.value);
  }
}
