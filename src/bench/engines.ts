import { writeFileSync } from "node:fs";
import { equalBytes } from "../base/bytes.ts";
import {
  type Bench,
  benches,
  type Contender,
  type EngineTask,
  expectedAnswer,
  newOperands,
} from "./engines/contender.ts";
import { openContenders } from "./engines/index.ts";
import { enginePage } from "./engines/page.ts";
import { ratiosOf } from "./engines/ratios.ts";
import { startUpLine, startUps } from "./engines/start-up.ts";
import { type EngineRow, summary } from "./engines/summary.ts";
import { tell } from "./progress.ts";
import { report, spread } from "./report.ts";
import { measureInRounds } from "./rounds.ts";
import { openThreadClock } from "./thread-clock.ts";

export interface EngineBenchOptions {
  readonly rounds: number;
  /** How long the whole takes, about. */
  readonly seconds: number;
  /** Where to write the figures, and a page of plots. */
  readonly json?: string;
  readonly html?: string;
}

/** The engines against node:crypto, WebCrypto and libraries, at what Encrypt and Decrypt are made of. */
export async function runEngineBench(options: EngineBenchOptions): Promise<void> {
  tell("start-up");
  const starts = await startUps(["wasm", "native", "node"], Math.min(options.rounds, 9));
  const { contenders, absent } = await openContenders();
  const tasks = await prepare(contenders);
  await measureInRounds(tasks, { ...options, clock: await openThreadClock(), tell });
  const rows = tasks.map(rowOf);
  const ratios = ratiosOf(tasks);
  console.log([summary(rows, ratios, absent), startUpLine(starts)].join("\n"));
  const figures = { ...report([...rows, ...starts]), ratios };
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  if (options.html !== undefined) writeFileSync(options.html, enginePage(rows, ratios, report(rows), absent));
}

/** Every contender at everything that it can do, and does right: a wrong answer ends the benchmark. */
async function prepare(contenders: readonly Contender[]): Promise<EngineTask[]> {
  const tasks: EngineTask[] = [];
  for (const [bench, sizes] of Object.entries(benches) as [Bench, readonly number[]][]) {
    for (const bytes of sizes) {
      const operands = newOperands(bytes);
      const expected = expectedAnswer(bench, operands);
      for (const contender of contenders) {
        const run = await contender.benches[bench]?.(operands);
        if (!run) continue;
        const answer = await run();
        if (expected && !equalBytes(answer, expected)) throw new Error(`${contender.name} gets ${bench} wrong`);
        const { asynchronous, messagesPerRun: operations = 1 } = contender;
        const group = `${bench} ${bytes}`;
        tasks.push({ bench, bytes, contender, run, operations, group, asynchronous, nanoseconds: [] });
      }
    }
  }
  return tasks;
}

const rowOf = ({ bench, bytes, contender, asynchronous, nanoseconds }: EngineTask): EngineRow => ({
  bench,
  bytes,
  contender: contender.name,
  ...spread(nanoseconds),
  clock: asynchronous ? "wall" : "cpu",
});
