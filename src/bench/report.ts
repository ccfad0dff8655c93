import { cpus, release, type } from "node:os";

/** One line of a report: one contender at one task. */
export interface Row {
  readonly bench: string;
  /** Size of the data that each operation handles. */
  readonly bytes: number;
  readonly contender: string;
  /** Nanoseconds per operation, over the rounds: of CPU, where a bench does not say otherwise. */
  readonly medianNs: number;
  readonly p10Ns: number;
  readonly p90Ns: number;
  readonly rounds: number;
  readonly requestsPerSecond?: number;
}

export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly rows: readonly Row[];
}

export const report = (rows: readonly Row[]): Report => ({
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${type()} ${release()}`,
  node: process.version,
  rows,
});

/** The value below which the part `share` of `samples` lies, between two samples in proportion. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]] as [number, number];
  return below + (above - below) * (place % 1);
}

/** The part of a row that its rounds give. */
export const spread = (nanoseconds: readonly number[]): Pick<Row, "medianNs" | "p10Ns" | "p90Ns" | "rounds"> => ({
  medianNs: Math.round(quantile(nanoseconds, 0.5)),
  p10Ns: Math.round(quantile(nanoseconds, 0.1)),
  p90Ns: Math.round(quantile(nanoseconds, 0.9)),
  rounds: nanoseconds.length,
});

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return rows.map(line).join("\n");
}
