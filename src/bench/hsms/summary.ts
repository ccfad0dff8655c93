import { type Row, table } from "../report.ts";
import { formatCount, formatTime } from "../units.ts";
import { type Mechanism, mechanisms } from "./contender.ts";

/** `medianNs`, `p10Ns` and `p90Ns` are time of the wall by operation, of the rounds; latencies those of all operations. */
export interface HsmRow extends Row {
  readonly inFlight: number;
  readonly operationsPerSecond: number;
  readonly latencyP50Ns: number;
  readonly latencyP99Ns: number;
}

const bareRows = (rows: readonly HsmRow[]): HsmRow[] => rows.filter(({ bench }) => bench === "hsm-bare");
export const rowsOf = (rows: readonly HsmRow[], mechanism: Mechanism): HsmRow[] =>
  rows.filter(({ bench }) => bench === `hsm-${mechanism}`);

/** Of the bare functions that would be called instead, one after the other; undefined where the token lacks one. */
export function instead(rows: readonly HsmRow[], mechanism: Mechanism): { name: string; ns: number } | undefined {
  const names: readonly string[] = mechanisms[mechanism];
  const called = names.map((name) => bareRows(rows).find(({ contender }) => contender === name));
  if (called.some((row) => row === undefined)) return undefined;
  return { name: names.join(" + "), ns: called.reduce((sum, row) => sum + (row?.medianNs ?? 0), 0) };
}

/** Operations in the time that the bare functions take, where `row` is of a token. */
export function ratio(rows: readonly HsmRow[], row: HsmRow, mechanism: Mechanism): string {
  const bare = instead(rows, mechanism);
  return bare && row.contender !== "soft HSM" ? `${(bare.ns / row.medianNs).toFixed(2)}×` : "";
}

export function summary(rows: readonly HsmRow[], absent: readonly string[]): string {
  return [
    table(figures(rows)),
    [
      `Wall clock, median of ${rows[0]?.rounds} rounds; latencies from a call to its answer.`,
      ...(bareRows(rows).length > 0
        ? ["× bare: operations/s beside those of the bare functions, one call at a time."]
        : []),
      ...absent.map((reason) => `Not here: ${reason}`),
    ].join("\n"),
  ].join("\n\n");
}

/** Heads, then a line for each row. */
export function figures(rows: readonly HsmRow[]): string[][] {
  const heads = ["", "", "in flight", "operations/s", "p50", "p99", "× bare", "bare functions"];
  const ours = (Object.keys(mechanisms) as Mechanism[]).flatMap((mechanism) =>
    rowsOf(rows, mechanism).map((row) => {
      const compared = ratio(rows, row, mechanism);
      return [mechanism, ...cells(row), compared, compared && (instead(rows, mechanism)?.name ?? "")];
    }),
  );
  return [heads, ...ours, ...bareRows(rows).map((row) => ["bare", ...cells(row), "", ""])];
}

const cells = (row: HsmRow): string[] => [
  row.contender,
  String(row.inFlight),
  formatCount(row.operationsPerSecond),
  formatTime(row.latencyP50Ns),
  formatTime(row.latencyP99Ns),
];
