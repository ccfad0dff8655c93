import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, the unit of times in /proc: 100 on every architecture that Node runs on. */
const tick = 10_000_000;

/** User and system time of a process with all its threads and descendants, in nanoseconds. */
export function cpuTime(pid: number): number {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStatus(name) ?? []);
  const timeOf = (root: number): number =>
    processes.reduce((sum, { pid, parent, time }) => {
      if (pid === root) return sum + time;
      return parent === root ? sum + timeOf(pid) : sum;
    }, 0);
  return timeOf(pid) * tick;
}

/** Fields 4, 14 and 15 of proc_pid_stat(5), counted from behind the name in parentheses. undefined: it has just ended. */
function readStatus(pid: string): { pid: number; parent: number; time: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number) as [number, ...number[]];
    return { pid: Number(pid), parent: fields[1] as number, time: (fields[11] as number) + (fields[12] as number) };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
