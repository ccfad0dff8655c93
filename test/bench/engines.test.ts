import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { equalBytes } from "../../src/base/bytes.ts";
import { type Bench, benches, expectedAnswer, newOperands } from "../../src/bench/engines/contender.ts";
import { openContenders } from "../../src/bench/engines/index.ts";
import { type EngineRow, meetings, summary } from "../../src/bench/engines/summary.ts";
import { runEngineBench } from "../../src/bench/engines.ts";
import type { Report } from "../../src/bench/report.ts";
import { expectSelfContained } from "./markup.ts";

const peers = ["node:crypto", "node:crypto, tuned", "WebCrypto", "@peculiar/webcrypto", "noble"];

test("every contender gets every operation right", async () => {
  const { contenders, absent } = await openContenders();
  expect(absent).toEqual([]);
  const wasm = ["wasm relaxed", "wasm, given buffer", "wasm, 32 a call", "wasm strict"];
  const ours = [...wasm, "native", "native, given buffer", "auto"];
  expect(contenders.map(({ name }) => name)).toEqual([...ours, ...peers]);
  for (const bench of Object.keys(benches) as Bench[]) {
    for (const bytes of [0, 1, 32, 1000]) {
      const operands = newOperands(bytes);
      for (const contender of contenders) {
        const run = await contender.benches[bench]?.(operands);
        for (let i = 0; run && i < 2; i++) {
          const [answer, expected] = [await run(), expectedAnswer(bench, operands)];
          if (expected) expect(equalBytes(answer, expected), `${contender.name}, ${bench}, ${bytes}`).toBe(true);
        }
      }
    }
  }
});

test("the engine bench writes every figure, and a page", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
  const log = vi.spyOn(console, "log").mockReturnValue();
  onTestFinished(() => log.mockRestore());
  await runEngineBench({ rounds: 1, seconds: 1, json, html });

  const { machine, node, rows } = JSON.parse(readFileSync(json, "utf8")) as Report;
  expect({ machine, node }).toEqual({ machine: expect.stringContaining("Linux"), node: process.version });
  for (const [bench, sizes] of Object.entries(benches)) {
    for (const bytes of sizes) {
      const row = rows.find((row) => row.bench === bench && row.bytes === bytes && row.contender === "wasm relaxed");
      expect(row).toMatchObject({ rounds: 1, clock: "cpu" });
    }
  }
  for (const { p10Ns, medianNs, p90Ns } of rows) {
    expect(p10Ns).toBeGreaterThan(0);
    expect(medianNs).toBeGreaterThanOrEqual(p10Ns);
    expect(p90Ns).toBeGreaterThanOrEqual(medianNs);
  }
  const printed = log.mock.calls.flat().join("\n");
  for (const name of [...peers, ...Object.keys(benches)]) expect(printed).toContain(name);
  expectSelfContained(readFileSync(html, "utf8"));
});

const row = (contender: string, bytes: number, medianNs: number): EngineRow => ({
  ...{ bench: "gcm-seal", bytes, contender, medianNs, p10Ns: medianNs, p90Ns: 2 * medianNs, rounds: 3 },
  clock: contender === "slow start" ? "wall" : "cpu",
});
const rows = [
  row("ours", 100, 10),
  row("ours", 10_000, 1000),
  row("slow start", 100, 100),
  row("slow start", 10_000, 100),
];

test("the summary says who overtakes whom where, how many times slower, and by which clock", () => {
  expect(meetings(rows)).toEqual([
    { ahead: "slow start", behind: "ours", x: expect.closeTo(1000, 6), y: expect.closeTo(100, 6) },
  ]);
  const text = summary(rows, [], ["absentee: not installed"]);
  expect(text).toContain("slow start overtakes ours at 1000 B");
  expect(text).toMatch(/^ {2}slow start {2}\* +100 ns +10.00× +100 ns +0.10×$/m);
  expect(text).toContain("p10 to p90 is 100 % of the median");
  expect(text).toContain("Not here: absentee: not installed");
});
