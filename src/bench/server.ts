import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type Contender, startBare, startService } from "./contenders.ts";
import { cpuTime } from "./cpu.ts";
import { tell } from "./progress.ts";
import { quantile, type Row, report, spread, table } from "./report.ts";

export interface ServerBenchOptions {
  /** What HSMs to run the service on, beside the soft one. */
  readonly hsms: readonly "softhsm2"[];
  readonly rounds: number;
  /** How long each contender is measured at each operation in a round. */
  readonly seconds: number;
  /** Requests to each contender at each operation before the first round: V8 optimises what runs often. */
  readonly warmUp: number;
  /** Where to write the report as JSON. */
  readonly json?: string;
}

/** Keep-alive connections, each with one request in flight. */
const connections = 32;
/** Size of the plaintext, and of the data key. */
const bytes = 32;
/** Signed anew for each measurement, and sent in turn. */
const batch = 1024;

interface Task {
  readonly contender: Contender;
  readonly operation: string;
  readonly body: object;
  readonly nanoseconds: number[];
  readonly perSecond: number[];
}

/**
 * CPU per request of the service, everything on, against a handler of node:https that does nothing: same TLS settings,
 * same requests, answers of the same size. What is measured is the server's process with its threads and children; the
 * load comes from this one.
 */
export async function runServerBench(options: ServerBenchOptions): Promise<void> {
  const folder = temporaryFolder();
  const contenders: Contender[] = [];
  try {
    const tasks = await prepare(contenders, options.hsms, folder);
    for (const [i, task] of tasks.entries()) {
      tell(`warm-up ${i + 1}/${tasks.length}: ${options.warmUp} × ${task.operation}, ${task.contender.name}`);
      await warm(task, options.warmUp);
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const task of tasks) {
        tell(`round ${round}/${options.rounds}: ${task.operation}, ${task.contender.name}`);
        await measure(task, options.seconds);
      }
    }
    tell("");
    console.log(summary(tasks));
    const rows = tasks.map(rowOf);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report(rows), undefined, 2)}\n`);
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

/** Removed at the end, however that comes. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  const tmpfs = 0x01021994;
  if (statfsSync(folder).type === tmpfs) {
    console.error(`${tmpdir()} is in memory, where fdatasync costs nothing: set TMPDIR to a folder on a disk`);
  }
  return folder;
}

/** Starts the contenders. Tasks of one operation stand side by side, so that the contenders take turns. */
async function prepare(contenders: Contender[], hsms: readonly string[], folder: string): Promise<readonly Task[]> {
  const bodies = new Map<Contender, Readonly<Record<string, object>>>();
  for (const hsm of ["soft", ...hsms]) {
    const service = await startService(hsm, folder);
    contenders.push(service);
    bodies.set(service, await requestBodies(service));
  }
  const [soft, own] = [...bodies][0] as [Contender, Readonly<Record<string, object>>];
  const answers: Record<string, string> = {};
  for (const [operation, body] of Object.entries(own)) {
    answers[`TrentService.${operation}`] = await ask(soft, operation, body);
  }
  const bare = await startBare(answers, folder);
  contenders.push(bare);
  bodies.set(bare, own);
  return Object.keys(own).flatMap((operation) =>
    Array.from(bodies, ([contender, body]) => ({
      contender,
      operation,
      body: body[operation] as object,
      nanoseconds: [],
      perSecond: [],
    })),
  );
}

/** By operation, on a key that is made for it. */
async function requestBodies(service: Contender): Promise<Readonly<Record<string, object>>> {
  const created = JSON.parse(await ask(service, "CreateKey", {})) as { KeyMetadata: { KeyId: string } };
  const common = { KeyId: created.KeyMetadata.KeyId, EncryptionContext: { purpose: "bench" } };
  const encrypt = { ...common, Plaintext: randomBytes(bytes).toBase64() };
  const { CiphertextBlob } = JSON.parse(await ask(service, "Encrypt", encrypt)) as { CiphertextBlob: string };
  return {
    Encrypt: encrypt,
    Decrypt: { ...common, CiphertextBlob },
    GenerateDataKey: { ...common, KeySpec: "AES_256" },
  };
}

async function warm(task: Task, count: number): Promise<void> {
  const load = await task.contender.connect(connections);
  await load.run(signed(task), (sent) => sent < count);
  load.close();
}

/** From when each connection has had its first request answered. */
async function measure(task: Task, seconds: number): Promise<void> {
  const requests = signed(task);
  const load = await task.contender.connect(connections);
  await load.run(requests, (sent) => sent < connections);
  const { pid } = task.contender;
  const [cpu, start] = [cpuTime(pid), performance.now()];
  const end = start + seconds * 1000;
  const answered = await load.run(requests, () => performance.now() < end);
  task.nanoseconds.push((cpuTime(pid) - cpu) / answered);
  task.perSecond.push((answered * 1000) / (performance.now() - start));
  load.close();
}

const signed = ({ contender, operation, body }: Task): readonly string[] =>
  Array.from({ length: batch }, () => contender.request(operation, body));

const rowOf = ({ contender, operation, nanoseconds, perSecond }: Task): Row => ({
  bench: `server-${kebab(operation)}`,
  bytes,
  contender: contender.name,
  ...spread(nanoseconds),
  requestsPerSecond: Math.round(quantile(perSecond, 0.5)),
});

const kebab = (name: string): string => name.replace(/\B[A-Z]/g, "-$&").toLowerCase();

function summary(tasks: readonly Task[]): string {
  const heads = ["", `${connections} in flight`, "CPU µs/request", "p10", "p90", "× bare", "requests/s"];
  const us = (nanoseconds: number): string => (nanoseconds / 1000).toFixed(1);
  const cells = tasks.map((task) => {
    const { bench, contender, medianNs, p10Ns, p90Ns, requestsPerSecond } = rowOf(task);
    const ratio = timesBare(task, tasks).toFixed(2);
    return [bench, contender, us(medianNs), us(p10Ns), us(p90Ns), ratio, String(requestsPerSecond)];
  });
  return table([heads, ...cells]);
}

/** The median over the rounds: what slowed one measurement of a round has mostly slowed the others, too. */
function timesBare({ operation, nanoseconds }: Task, tasks: readonly Task[]): number {
  const bare = tasks.find((task) => task.operation === operation && task.contender.isBare) as Task;
  return quantile(
    nanoseconds.map((ns, round) => ns / (bare.nanoseconds[round] as number)),
    0.5,
  );
}
