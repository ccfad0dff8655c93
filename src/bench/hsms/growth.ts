import { readFileSync } from "node:fs";
import { tell } from "../progress.ts";
import { formatCount } from "../units.ts";
import type { HsmContender } from "./contender.ts";

const depth = 16;
/** Caches fill and code is compiled before. */
const warmUpShare = 0.2;

/**
 * How much resident memory, of this process and the workers, each of `calls` encryptions leaves behind: a line for people.
 * Workers are replaced meanwhile as they always are.
 */
export async function growth(
  { name, operations, pids }: HsmContender,
  calls: number,
  signal: AbortSignal,
): Promise<string> {
  const { encrypt } = operations;
  if (!encrypt) throw new Error(`${name} does not encrypt`);
  const run = async (count: number): Promise<void> => {
    let left = count;
    const loop = async (): Promise<void> => {
      while (left-- > 0) {
        signal.throwIfAborted();
        await encrypt();
      }
    };
    await Promise.all(Array.from({ length: depth }, loop));
  };
  tell(`${name}: ${formatCount(calls)} calls`);
  await run(calls * warmUpShare);
  const before = resident(pids());
  await run(calls);
  const grown = resident(pids()) - before;
  tell("");
  return `Memory, ${name}: ${(grown / calls).toFixed(1)} bytes for each of ${formatCount(calls)} encryptions`;
}

/** Bytes; a process that has ended has none. */
function resident(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + 1024 * residentKilobytes(pid), 0);
}

function residentKilobytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
