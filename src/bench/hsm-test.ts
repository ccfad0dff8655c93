import { HsmError } from "../base/errors.ts";
import type { HsmAdmin } from "../hsm/admin.ts";
import type { HsmConfig, Pkcs11Config } from "../hsm/config.ts";
import type { Claim } from "../hsm/conformance/claim.ts";
import { dataPathClaims, otherKeyClaims } from "../hsm/conformance/index.ts";
import type { Hsm, HsmInfo } from "../hsm/hsm.ts";
import { initHsm, openHsm, openHsmAdmin } from "../hsm/index.ts";
import { Inventory } from "../hsm/pkcs11/inventory.ts";
import { inFlight } from "./hsms/in-flight.ts";
import { contenderOf } from "./hsms/open.ts";
import { tell } from "./progress.ts";
import { quantile, table } from "./report.ts";
import { formatCount, formatTime } from "./units.ts";

export interface HsmTestOptions {
  /** For the measurements, about. */
  readonly seconds: number;
  /** Print JSON. */
  readonly json: boolean;
}

export interface HsmTestReport {
  readonly hsm: HsmInfo;
  /** Of a token, as it says; 0: it does not, or has no limit. */
  readonly mostSessions?: number;
  readonly claims: readonly Outcome[];
  readonly throughput: readonly Throughput[];
}

interface Outcome {
  readonly part: string;
  readonly name: string;
  readonly outcome: "holds" | "fails" | "not served";
  /** Why it fails, or is not served. */
  readonly detail?: string;
}

interface Throughput {
  readonly operation: string;
  /** Processes, each with a login and sessions of its own; 0: it works in this process. */
  readonly workers: number;
  readonly inFlight: number;
  readonly operationsPerSecond: number;
  readonly latencyP50Ns: number;
  readonly latencyP99Ns: number;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Of the octets to edit, every how many-th is edited: the HSM may be slow. */
const stride = 7;
/** Operations in flight, and the workers that share them. */
const loads = [
  { workers: 1, depth: 1 },
  { workers: 1, depth: 16 },
  { workers: 2, depth: 16 },
] as const;

/**
 * Tries on anybody's HSM what the tests of our drivers claim, and measures it. A token without a domain key gets one for
 * the while; afterwards every token is as it was, which is looked at, too. Throws when a claim fails.
 */
export async function runHsmTest(config: HsmConfig, { seconds, json }: HsmTestOptions): Promise<void> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new HsmError("unavailable", "interrupted"));
  for (const signal of signals) process.once(signal, interrupt);
  try {
    const attempt = () => tryHsm(config, seconds, interruption.signal);
    const report = config.driver === "pkcs11" ? await leavingNothing(config, attempt) : await attempt();
    console.log(json ? JSON.stringify(report, undefined, 2) : page(report));
    const failed = report.claims.filter(({ outcome }) => outcome === "fails").length;
    if (failed > 0) throw new HsmError("internal", `${failed} of ${report.claims.length} claims do not hold`);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** The last claim is that the token's objects are those that it had. */
async function leavingNothing(config: Pkcs11Config, attempt: () => Promise<HsmTestReport>): Promise<HsmTestReport> {
  await using inventory = await Inventory.open(config);
  const before = await inventory.objects();
  const isNew = await inventory.wasEmpty();
  let report: HsmTestReport;
  try {
    if (isNew) await initHsm(config);
    report = await attempt();
  } finally {
    if (isNew) await inventory.clear();
  }
  const left = difference(await inventory.objects(), before);
  const lost = difference(before, await inventory.objects());
  const [of, detail] = [
    { part: "the token", name: "has the objects that it had" },
    [...left.map((object) => `new: ${object}`), ...lost.map((object) => `gone: ${object}`)].join("; "),
  ];
  const last: Outcome = detail === "" ? { ...of, outcome: "holds" } : { ...of, outcome: "fails", detail };
  return { ...report, mostSessions: await inventory.mostSessions(), claims: [...report.claims, last] };
}

/** What `from` has more of than `other`. */
function difference(from: readonly string[], other: readonly string[]): string[] {
  const rest = [...other];
  return from.filter((object) => {
    const place = rest.indexOf(object);
    if (place >= 0) rest.splice(place, 1);
    return place < 0;
  });
}

async function tryHsm(config: HsmConfig, seconds: number, signal: AbortSignal): Promise<HsmTestReport> {
  await using hsm = await openHsm(config);
  await using admin = await openHsmAdmin(config);
  const claims: Outcome[] = [];
  const all = [...dataPathClaims, ...otherKeyClaims];
  for (const [i, claim] of all.entries()) {
    signal.throwIfAborted();
    tell(`claim ${i + 1}/${all.length}: ${claim.part} ${claim.name}`);
    claims.push(await tryClaim(claim, hsm, admin));
  }
  const throughput: Throughput[] = [];
  const share = (seconds * 1000) / loads.length;
  if (config.driver === "soft") throughput.push(...(await measure(config, 0, 1, share, signal)));
  else
    for (const { workers, depth } of loads) throughput.push(...(await measure(config, workers, depth, share, signal)));
  tell("");
  return { hsm: hsm.info, claims, throughput };
}

async function tryClaim(claim: Claim, hsm: Hsm, admin: HsmAdmin): Promise<Outcome> {
  const { part, name } = claim;
  try {
    const reason = await claim.run({ hsm, ...(hsm.info.domainKeyMode === "plain" && { admin }), stride });
    return reason === undefined
      ? { part, name, outcome: "holds" }
      : { part, name, outcome: "not served", detail: reason };
  } catch (error) {
    return { part, name, outcome: "fails", detail: (error as Error).message };
  }
}

async function measure(
  config: HsmConfig,
  workers: number,
  depth: number,
  milliseconds: number,
  signal: AbortSignal,
): Promise<Throughput[]> {
  const sized = config.driver === "pkcs11" ? { ...config, workers } : config;
  const { operations, close } = await contenderOf("", await openHsm(sized));
  try {
    const rows: Throughput[] = [];
    const names = Object.entries(operations);
    for (const [operation, run] of names) {
      signal.throwIfAborted();
      tell(`${operation}, ${depth} in flight`);
      const share = milliseconds / names.length;
      await inFlight(run, depth, share / 5);
      const { operations, elapsed, latencies } = await inFlight(run, depth, (4 * share) / 5);
      rows.push({
        operation,
        workers,
        inFlight: depth,
        operationsPerSecond: Math.round((operations / elapsed) * 1e9),
        latencyP50Ns: Math.round(quantile(latencies, 0.5)),
        latencyP99Ns: Math.round(quantile(latencies, 0.99)),
      });
    }
    return rows;
  } finally {
    await close();
  }
}

const marks = { holds: "✓", fails: "✗", "not served": "–" } as const;

function page({ hsm, mostSessions, claims, throughput }: HsmTestReport): string {
  const lines = [`${hsm.manufacturer} ${hsm.model}, serial ${hsm.serial}, firmware ${hsm.firmware}`];
  if (mostSessions) lines.push(`at most ${mostSessions} sessions`);
  for (const [part, outcomes] of Map.groupBy(claims, ({ part }) => part)) {
    lines.push("", part);
    for (const { name, outcome, detail } of outcomes) {
      lines.push(
        `  ${marks[outcome]} ${name}${detail === undefined ? "" : `\n      ${detail.replaceAll("\n", "\n      ")}`}`,
      );
    }
  }
  const head = ["operation", "workers", "in flight", "per second", "p50", "p99"];
  const rows = throughput.map(({ operation, workers, inFlight, operationsPerSecond, latencyP50Ns, latencyP99Ns }) => [
    operation,
    workers === 0 ? "none" : `${workers}`,
    `${inFlight}`,
    formatCount(operationsPerSecond),
    formatTime(latencyP50Ns),
    formatTime(latencyP99Ns),
  ]);
  const count = (wanted: Outcome["outcome"]) => claims.filter(({ outcome }) => outcome === wanted).length;
  const total = `${count("holds")} claims hold, ${count("fails")} do not, ${count("not served")} are not served`;
  return [...lines, "", table([head, ...rows]), "", total].join("\n");
}
