import { type Figure, page } from "../page.ts";
import { plot, type Series } from "../plot.ts";
import type { Report } from "../report.ts";
import { formatCount, formatTime } from "../units.ts";
import { type Mechanism, mechanisms } from "./contender.ts";
import { figures, type HsmRow, instead, rowsOf } from "./summary.ts";

const titles: Readonly<Record<Mechanism, string>> = {
  encrypt: "Encrypt 32 bytes",
  decrypt: "Decrypt 32 bytes",
  "generate-data-key": "Generate a data key of 32 bytes",
  mac: "MAC",
  sign: "Sign by ECDSA with P-256",
  random: "32 random bytes",
};

/** Colours: the soft HSM, a token, the token's bare functions. */
const [soft, token, bare] = [0, 2, 7] as const;

export function hsmPage(
  rows: readonly HsmRow[],
  about: Pick<Report, "machine" | "node">,
  absent: readonly string[],
): string {
  const names = Object.keys(mechanisms) as Mechanism[];
  const most = rows.filter(({ bench, inFlight }) => bench === "hsm-encrypt" && inFlight === 16);
  return page(
    {
      title: "Strongroom: HSMs",
      text: "Operations a second and their latency, by how many are in flight. All axes are logarithmic.",
      tiles: most.map((row) => ({
        value: `${formatCount(row.operationsPerSecond)}/s`,
        text: `Encrypt, ${row.contender}, 16 in flight; 99 of 100 within ${formatTime(row.latencyP99Ns)}`,
      })),
      figures: names.map((mechanism) => figureOf(mechanism, rows)),
      notes: [
        `${rows[0]?.rounds} rounds, everything in each, in another random order, one at a time; a fifth of the time before was warm-up.`,
        "Wall clock. Our driver keeps the module in a process of its own; bare functions are called in one process, one after the other, through pkcs11js.",
        ...absent.map((reason) => `Not here: ${reason}`),
      ],
    },
    about,
  );
}

function figureOf(mechanism: Mechanism, rows: readonly HsmRow[]): Figure {
  const ours = rowsOf(rows, mechanism);
  const depths = [...new Set(ours.map(({ inFlight }) => inFlight))];
  const peer = instead(rows, mechanism);
  const x = { label: "operations in flight", ticks: depths, format: String };
  const flat: Series[] = peer
    ? [{ name: "bare functions", color: bare, dashed: true, points: depths.map((x) => ({ x, y: 1e9 / peer.ns })) }]
    : [];
  const lines = (
    dashed: boolean,
    suffix: string,
    pick: (row: HsmRow) => { y: number; low?: number; high?: number },
  ): Series[] =>
    [...new Set(ours.map(({ contender }) => contender))].map((name) => ({
      name: `${name}${suffix}`,
      color: name === "soft HSM" ? soft : token,
      dashed,
      points: ours.filter(({ contender }) => contender === name).map((row) => ({ x: row.inFlight, ...pick(row) })),
    }));
  const throughput = lines(false, "", ({ medianNs, p10Ns, p90Ns }) => ({
    y: 1e9 / medianNs,
    low: 1e9 / p90Ns,
    high: 1e9 / p10Ns,
  }));
  const latency = [
    ...lines(false, ", p50", ({ latencyP50Ns }) => ({ y: latencyP50Ns })),
    ...lines(true, ", p99", ({ latencyP99Ns }) => ({ y: latencyP99Ns })),
  ];
  return {
    title: titles[mechanism],
    text: "Above, operations a second: higher is better. Below, latency: lower is better.",
    svg: [
      plot({ height: 300, x, y: { label: "operations/s", format: formatCount }, series: [...throughput, ...flat] }),
      plot({ height: 300, x, y: { label: "latency", format: formatTime }, series: latency }),
    ].join("\n"),
    findings: peer ? [`Bare functions: ${peer.name}, one call at a time.`] : [],
    table: figures(rows).filter(([name], i) => i === 0 || name === mechanism || name === "bare"),
  };
}
