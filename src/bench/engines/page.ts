import { type Figure, page } from "../page.ts";
import { plot } from "../plot.ts";
import type { Report } from "../report.ts";
import { formatBytes, formatTime } from "../units.ts";
import type { Ratio } from "./ratios.ts";
import {
  benchesOf,
  contendersOf,
  describeMeeting,
  type EngineRow,
  leaderOf,
  lineOf,
  meetings,
  sizesOf,
} from "./summary.ts";

/** Variants of one contender share a colour. */
const styles: Readonly<Record<string, { readonly color: number; readonly dashed?: true }>> = {
  "wasm relaxed": { color: 0 },
  "wasm, given buffer": { color: 0, dashed: true },
  "wasm, 32 a call": { color: 0, dashed: true },
  "wasm strict": { color: 7 },
  native: { color: 1 },
  "native, given buffer": { color: 1, dashed: true },
  "node:crypto": { color: 2 },
  "node:crypto, tuned": { color: 2, dashed: true },
  WebCrypto: { color: 3 },
  "@peculiar/webcrypto": { color: 4 },
  noble: { color: 6 },
  auto: { color: 5, dashed: true },
};
const unknown = { color: 7 };

const titles: Readonly<Record<string, readonly [string, string]>> = {
  "kms-encrypt": [
    "KMS encrypt",
    "Derives a key (KBKDF, HMAC-SHA-256), then seals with AES-256-GCM under it: the work of one Encrypt.",
  ],
  "kms-decrypt": ["KMS decrypt", "Derives the key again, verifies, and opens: the work of one Decrypt."],
  "gcm-seal": ["AES-256-GCM seal, fresh key", "Key set-up included."],
  "gcm-open": ["AES-256-GCM open, fresh key", "Key set-up included."],
  "fused-encrypt": [
    "Soft HSM encrypt",
    "One call into the boundary: opens the key token, draws nonce and IV, derives, seals.",
  ],
};

export function enginePage(
  rows: readonly EngineRow[],
  ratios: readonly Ratio[],
  about: Pick<Report, "machine" | "node">,
  absent: readonly string[],
): string {
  return page(
    {
      title: "Strongroom: engines",
      text: "Time of one operation, by size of the plaintext. Lower is better; both axes are logarithmic.",
      tiles: tilesOf(ratios),
      figures: benchesOf(rows).map((bench) =>
        figureOf(
          bench,
          rows.filter((row) => row.bench === bench),
        ),
      ),
      notes: [
        `One process. ${rows[0]?.rounds} rounds, all contenders in each, in another random order; points are medians, bars go from p10 to p90.`,
        "CPU time of the thread; for those marked * the wall clock, one call after the other, as other threads do the work.",
        "Warm-up before the first round: a fifth of the whole time.",
        ...absent.map((reason) => `Not here: ${reason}`),
      ],
    },
    about,
  );
}

/** How the leader stands beside node:crypto at what Encrypt does most. */
function tilesOf(ratios: readonly Ratio[]) {
  return ratios
    .filter(({ bench, against }) => bench === "kms-encrypt" && against.includes("node:crypto"))
    .slice(0, 4)
    .map(({ bytes, contender, against, median }) => ({
      value: `${median.toFixed(1)}×`,
      text: `the speed of ${against}: ${contender}, KMS encrypt of ${formatBytes(bytes)}`,
    }));
}

function figureOf(bench: string, rows: readonly EngineRow[]): Figure {
  const [title = bench, text = ""] = titles[bench] ?? [];
  const met = meetings(rows);
  const series = contendersOf(rows).map((name) => {
    const points = rows
      .filter(({ contender }) => contender === name)
      .map(({ bytes, medianNs, p10Ns, p90Ns }) => ({ x: bytes, y: medianNs, low: p10Ns, high: p90Ns }));
    const wall = rows.some(({ contender, clock }) => contender === name && clock === "wall");
    return { name: wall ? `${name} *` : name, points, ...(styles[name] ?? unknown) };
  });
  return {
    title,
    text,
    svg: plot({
      x: { label: "plaintext", ticks: sizesOf(rows), format: formatBytes },
      y: { label: "time of one operation", format: formatTime },
      series,
      marks: met.map((meeting) => ({ ...meeting, text: formatBytes(meeting.x), hint: describeMeeting(meeting) })),
    }),
    findings: met.map(describeMeeting),
    table: [
      ["", "size", "median", "p10", "p90", `× ${leaderOf(rows)}`],
      ...rows.map((row) => [
        row.contender,
        formatBytes(row.bytes),
        ...[row.medianNs, row.p10Ns, row.p90Ns].map(formatTime),
        (row.medianNs / (lineOf(rows, leaderOf(rows)).find(({ x }) => x === row.bytes)?.y ?? Number.NaN)).toFixed(2),
      ]),
    ],
  };
}
