import { quantile, table } from "../report.ts";
import { formatBytes } from "../units.ts";
import type { Bench, EngineTask } from "./contender.ts";

/** How many times as fast one contender is as another: of the ratios of each round, as both have met the same machine. */
export interface Ratio {
  readonly bench: Bench;
  readonly bytes: number;
  readonly contender: string;
  /** Of several, the one that is fastest at this size. */
  readonly against: readonly string[];
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

/** What is worth knowing of the figures, in the order of the report. */
const comparisons: readonly (readonly [Bench, string, ...string[]])[] = [
  ["kms-encrypt", "wasm relaxed", "node:crypto"],
  ["kms-encrypt", "wasm relaxed", "noble"],
  ["gcm-seal", "wasm relaxed", "node:crypto"],
  ["kms-encrypt", "native, given buffer", "node:crypto"],
  ["kms-encrypt", "native", "node:crypto"],
  ["kms-encrypt", "wasm, 32 a call", "wasm relaxed"],
  ["kms-encrypt", "auto", "native", "wasm relaxed"],
  ["fused-encrypt", "auto", "native", "wasm relaxed"],
];

export function ratiosOf(tasks: readonly EngineTask[]): Ratio[] {
  return comparisons.flatMap(([bench, contender, ...against]) => {
    const ofBench = tasks.filter((task) => task.bench === bench);
    return ofBench
      .filter((task) => task.contender.name === contender)
      .flatMap(({ bytes, nanoseconds }) => {
        const peers = ofBench.filter((task) => task.bytes === bytes && against.includes(task.contender.name));
        const fastest = peers.toSorted((a, b) => quantile(a.nanoseconds, 0.5) - quantile(b.nanoseconds, 0.5))[0];
        if (!fastest) return [];
        const rounds = nanoseconds.map((ours, round) => (fastest.nanoseconds[round] as number) / ours);
        const [median, p10, p90] = [0.5, 0.1, 0.9].map((share) => quantile(rounds, share)) as [number, number, number];
        return [{ bench, bytes, contender, against, median, p10, p90 }];
      });
  });
}

/** A line for each comparison, a column for each size. */
export function ratioTable(ratios: readonly Ratio[]): string {
  const sizes = [...new Set(ratios.map(({ bytes }) => bytes))];
  const lines = Map.groupBy(ratios, ({ bench, contender, against }) => [bench, contender, ...against].join());
  const cells = [...lines.values()].map((line) => {
    const { bench, contender, against } = line[0] as Ratio;
    const figures = sizes.map((size) => line.find(({ bytes }) => bytes === size)?.median.toFixed(2) ?? "");
    return [
      `  ${bench}`,
      `${contender} / ${against.length > 1 ? `best of ${against.join(", ")}` : against}`,
      ...figures,
    ];
  });
  return table([["speed", "median of the rounds' ratios", ...sizes.map(formatBytes)], ...cells]);
}
