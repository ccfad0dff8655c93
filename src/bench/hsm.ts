import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HsmError } from "../base/errors.ts";
import type { Pkcs11Boundary, Pkcs11Config } from "../hsm/config.ts";
import { provisionSoftHsm2 } from "../hsm/pkcs11/provision.ts";
import { type BareModule, bytes, type HsmContender, type Mechanism, mechanisms } from "./hsms/contender.ts";
import { growth } from "./hsms/growth.ts";
import { type Burst, inFlight, oneByOne } from "./hsms/in-flight.ts";
import { openSoft } from "./hsms/open.ts";
import { hsmPage } from "./hsms/page.ts";
import { type HsmRow, summary } from "./hsms/summary.ts";
import { openToken } from "./hsms/token.ts";
import { tell } from "./progress.ts";
import { quantile, report, spread } from "./report.ts";
import { shuffled } from "./rounds.ts";

export interface HsmBenchOptions {
  /** Beside the soft HSM: a token, or a new one of SoftHSM2 that is gone afterwards. */
  readonly hsm?: Pkcs11Config | "softhsm2";
  /** Numbers of processes that share the calls of the token; default: one. */
  readonly workers?: readonly number[];
  /** Operations that each of them has going on in the token at once; default: as many as suit the token. */
  readonly sessions?: number;
  /** Where the token's keys of a call are: Pkcs11Config. */
  readonly boundary?: Pkcs11Boundary;
  /** After the rounds, so many calls more, to see whether memory grows by them. */
  readonly calls?: number;
  readonly rounds: number;
  /** How long the whole takes, about: a fifth of it is warm-up. */
  readonly seconds: number;
  /** Where to write the figures, and a page of plots. */
  readonly json?: string;
  readonly html?: string;
}

/** Operations in flight. */
const depths = [1, 16, 64];
const warmUpShare = 0.2;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface HsmTask {
  readonly bench: string;
  readonly contender: string;
  readonly inFlight: number;
  readonly measure: (milliseconds: number) => Burst | Promise<Burst>;
  readonly bursts: Burst[];
}

/**
 * Operations of the soft HSM, and of a token beside the bare functions of its module. Leaves the token as it was, after
 * a signal, too.
 */
export async function runHsmBench(options: HsmBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-bench-"));
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new HsmError("unavailable", "interrupted"));
  for (const signal of signals) process.once(signal, interrupt);
  const closing: { close(): Promise<void> }[] = [];
  const opened = <T extends { close(): Promise<void> }>(part: T): T => {
    closing.push(part);
    return part;
  };
  try {
    const soft = opened(await openSoft(join(folder, "soft")));
    const config = options.hsm === "softhsm2" ? await softHsm2(folder) : options.hsm;
    const { boundary, sessions, workers = [1] } = options;
    const chosen = { ...(boundary && { boundary }), ...(sessions && { sessions }) };
    const token = config && opened(await openToken({ ...config, ...chosen }, workers));
    const contenders = [soft, ...(token?.contenders ?? [])];
    const tasks = tasksOf(contenders, token?.bare);
    await measure(tasks, options, interruption.signal);
    publish(tasks.map(rowOf), token?.bare.absent ?? [], options);
    for (const { parallel } of contenders) if (parallel !== undefined) console.log(parallel);
    for (const contender of options.calls ? contenders : []) {
      console.log(await growth(contender, options.calls ?? 0, interruption.signal));
    }
  } finally {
    for (const part of closing) await part.close();
    for (const signal of signals) process.off(signal, interrupt);
    rmSync(folder, { recursive: true });
  }
}

/** The module reads its environment in this process, too. */
async function softHsm2(folder: string): Promise<Pkcs11Config> {
  const config = await provisionSoftHsm2(join(folder, "softhsm2"), "bench");
  Object.assign(process.env, config.environment);
  return config;
}

function tasksOf(contenders: readonly HsmContender[], bare: BareModule | undefined): HsmTask[] {
  const ours = (Object.keys(mechanisms) as Mechanism[]).flatMap((mechanism) =>
    contenders.flatMap(({ name, operations }) => tasksAtDepths(`hsm-${mechanism}`, name, operations[mechanism])),
  );
  const theirs = Object.entries(bare?.calls ?? {}).map(([name, call]) => ({
    bench: "hsm-bare",
    contender: name,
    inFlight: 1,
    measure: (milliseconds: number) => oneByOne(call, milliseconds),
    bursts: [],
  }));
  return [...ours, ...theirs];
}

const tasksAtDepths = (bench: string, contender: string, operation: (() => unknown) | undefined): HsmTask[] =>
  (operation ? depths : []).map((depth) => ({
    bench,
    contender,
    inFlight: depth,
    measure: (milliseconds: number) => inFlight(operation as () => unknown, depth, milliseconds),
    bursts: [],
  }));

/** All in each round, in another random order each time, never two at once. */
async function measure(tasks: readonly HsmTask[], options: HsmBenchOptions, signal: AbortSignal): Promise<void> {
  const share = (options.seconds * 1000) / tasks.length;
  for (let round = 0; round <= options.rounds; round++) {
    tell(round === 0 ? "warm-up" : `round ${round}/${options.rounds}`);
    for (const task of shuffled(tasks)) {
      signal.throwIfAborted();
      if (round === 0) await task.measure(share * warmUpShare);
      else task.bursts.push(await task.measure((share * (1 - warmUpShare)) / options.rounds));
    }
  }
  tell("");
}

function rowOf({ bench, contender, inFlight, bursts }: HsmTask): HsmRow {
  const nanoseconds = bursts.map(({ elapsed, operations }) => elapsed / operations);
  const latencies = bursts.flatMap((burst) => burst.latencies);
  return {
    bench,
    bytes,
    contender,
    inFlight,
    ...spread(nanoseconds),
    operationsPerSecond: Math.round(1e9 / quantile(nanoseconds, 0.5)),
    latencyP50Ns: Math.round(quantile(latencies, 0.5)),
    latencyP99Ns: Math.round(quantile(latencies, 0.99)),
  };
}

function publish(rows: readonly HsmRow[], absent: readonly string[], { json, html }: HsmBenchOptions): void {
  console.log(summary(rows, absent));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report(rows), undefined, 2)}\n`);
  if (html !== undefined) writeFileSync(html, hsmPage(rows, report(rows), absent));
}
