import { type Crossover, crossovers, type Line } from "../crossover.ts";
import { type Row, table } from "../report.ts";
import { formatBytes, formatTime } from "../units.ts";
import { type Ratio, ratioTable } from "./ratios.ts";

/** One contender at one operation. */
export interface EngineRow extends Row {
  /** What was counted: time of this thread's CPU, or of the wall, where other threads do the work. */
  readonly clock: "cpu" | "wall";
}

/** What the others are held against: the first. */
export const leaderOf = (rows: readonly EngineRow[]): string => rows[0]?.contender ?? "";

export const benchesOf = (rows: readonly EngineRow[]): string[] => distinct(rows.map(({ bench }) => bench));
export const contendersOf = (rows: readonly EngineRow[]): string[] => distinct(rows.map(({ contender }) => contender));
export const sizesOf = (rows: readonly EngineRow[]): number[] => distinct(rows.map(({ bytes }) => bytes));

export const lineOf = (rows: readonly EngineRow[], contender: string): Line =>
  rows.filter((row) => row.contender === contender).map(({ bytes, medianNs }) => ({ x: bytes, y: medianNs }));

export interface Meeting extends Crossover {
  /** Who is ahead from there on, and whom it overtakes. */
  readonly ahead: string;
  readonly behind: string;
}

/** Where the leader and each other contender, but for its own variants, change places, of the rows of one operation. */
export function meetings(rows: readonly EngineRow[]): Meeting[] {
  const leader = leaderOf(rows);
  const ours = lineOf(rows, leader);
  const others = contendersOf(rows).filter((name) => !name.includes(",") || !leader.startsWith(familyOf(name)));
  return others.flatMap((contender) => {
    const theirs = lineOf(rows, contender);
    return crossovers(ours, theirs).map((crossover) => {
      const after = (line: Line): number => line.find(({ x }) => x > crossover.x)?.y ?? 0;
      const [ahead, behind] = after(theirs) < after(ours) ? [contender, leader] : [leader, contender];
      return { ...crossover, ahead, behind };
    });
  });
}

const familyOf = (name: string): string => name.slice(0, name.indexOf(","));

export const describeMeeting = ({ ahead, behind, x }: Meeting): string =>
  `${ahead} overtakes ${behind} at ${formatBytes(x)}`;

/** A table for each operation, where contenders meet, ratios, and how much the rounds differed. */
export function summary(rows: readonly EngineRow[], ratios: readonly Ratio[], absent: readonly string[]): string {
  const tables = benchesOf(rows).map((bench) => {
    const ofBench = rows.filter((row) => row.bench === bench);
    return [benchTable(bench, ofBench), ...meetings(ofBench).map((meeting) => `  ${describeMeeting(meeting)}`)];
  });
  const spreads = rows.map(({ p10Ns, p90Ns, medianNs }) => (p90Ns - p10Ns) / medianNs).toSorted((a, b) => a - b);
  const percent = (share = 0): string => `${(share * 100).toFixed(0)} %`;
  return [
    ...tables.map((lines) => lines.join("\n")),
    ratioTable(ratios),
    [
      `Median of ${rows[0]?.rounds} rounds; × is how many times the time of ${leaderOf(rows)}.`,
      `p10 to p90 is ${percent(spreads[spreads.length >> 1])} of the median in the middle row, ${percent(spreads.at(-1))} in the widest.`,
      "CPU time of the thread; * the wall clock, one call after the other, as other threads do the work.",
      ...absent.map((reason) => `Not here: ${reason}`),
    ].join("\n"),
  ].join("\n\n");
}

function benchTable(bench: string, rows: readonly EngineRow[]): string {
  const sizes = sizesOf(rows);
  const leader = lineOf(rows, leaderOf(rows));
  const cells = contendersOf(rows).map((contender) => {
    const ofContender = rows.filter((row) => row.contender === contender);
    const figures = sizes.flatMap((size) => {
      const row = ofContender.find(({ bytes }) => bytes === size);
      const ours = leader.find(({ x }) => x === size)?.y ?? Number.NaN;
      return row ? [formatTime(row.medianNs), `${(row.medianNs / ours).toFixed(2)}×`] : ["", ""];
    });
    return [`  ${contender}`, ofContender[0]?.clock === "wall" ? "*" : "", ...figures];
  });
  return table([[bench, "", ...sizes.flatMap((size) => [formatBytes(size), ""])], ...cells]);
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
