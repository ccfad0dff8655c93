export interface Burst {
  readonly operations: number;
  /** Nanoseconds. */
  readonly elapsed: number;
  /** Of each operation, from its call to its answer, in nanoseconds. */
  readonly latencies: readonly number[];
}

/** Keeps `count` operations in flight for `milliseconds`; each loop does one at least. */
export async function inFlight(operation: () => unknown, count: number, milliseconds: number): Promise<Burst> {
  const latencies: number[] = [];
  const start = performance.now();
  const loop = async (): Promise<void> => {
    let now = performance.now();
    do {
      const called = now;
      await operation();
      now = performance.now();
      latencies.push((now - called) * 1e6);
    } while (now - start < milliseconds);
  };
  await Promise.all(Array.from({ length: count }, loop));
  return { operations: latencies.length, elapsed: (performance.now() - start) * 1e6, latencies };
}

/** The same of calls that return when they are done: one after the other. */
export function oneByOne(call: () => void, milliseconds: number): Burst {
  const latencies: number[] = [];
  const start = performance.now();
  let now = start;
  do {
    const called = now;
    call();
    now = performance.now();
    latencies.push((now - called) * 1e6);
  } while (now - start < milliseconds);
  return { operations: latencies.length, elapsed: (now - start) * 1e6, latencies };
}
