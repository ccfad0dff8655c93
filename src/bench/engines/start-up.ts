import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EngineName } from "../../engine/engine.ts";
import { type Row, spread } from "../report.ts";
import { formatTime } from "../units.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "start-up-of.ts");

/** Compiled, self-tested and so warm, each time in a new process, by the wall clock. */
export async function startUps(names: readonly EngineName[], rounds: number): Promise<Row[]> {
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const { stdout } = await run(process.execPath, [...process.execArgv, program, name]);
      times.get(name)?.push(Number(stdout));
    }
  }
  return [...times].map(([contender, times]) => ({ bench: "start-up", bytes: 0, contender, ...spread(times) }));
}

export const startUpLine = (rows: readonly Row[]): string =>
  `Start-up: ${rows.map(({ contender, medianNs, p90Ns }) => `${contender} ${formatTime(medianNs)} (p90 ${formatTime(p90Ns)})`).join(", ")}.`;
