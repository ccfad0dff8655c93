import { setImmediate } from "node:timers/promises";

/** CLOCK_THREAD_CPUTIME_ID of WASI's preview 1. */
const threadCpuTime = 3;

/**
 * CPU time of this thread, in nanoseconds: clock_gettime(2), by way of WASI, since process.threadCpuUsage counts in
 * scheduler ticks of some milliseconds. What other threads do for this one (thread pool, collector) is not in it.
 */
export async function openThreadClock(): Promise<() => number> {
  const { WASI } = await quietly(() => import("node:wasi"));
  const wasi = new WASI({ version: "preview1" });
  const memory = new WebAssembly.Memory({ initial: 1 });
  wasi.finalizeBindings({ exports: {} }, { memory });
  const read = wasi.wasiImport["clock_time_get"] as (clock: number, precision: bigint, address: number) => number;
  const time = new BigUint64Array(memory.buffer, 0, 1);
  return () => {
    if (read(threadCpuTime, 1n, 0) !== 0) throw new Error("WASI has no clock for the CPU time of a thread");
    return Number(time[0]);
  };
}

/** Without the warning that the module is experimental, which is said once it has loaded. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  try {
    const loaded = await load();
    await setImmediate();
    return loaded;
  } finally {
    for (const listener of listeners) process.on("warning", listener);
  }
}
