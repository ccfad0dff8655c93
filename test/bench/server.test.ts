import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { Report } from "../../src/bench/report.ts";

const strongroom = fileURLToPath(new URL("../../scripts/strongroom", import.meta.url));

test("the server bench measures every operation of every contender, and leaves nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const json = join(folder, "report.json");
  const tiny = ["--rounds", "2", "--seconds", "0.1", "--warm-up", "50", "--hsm", "softhsm2", "--json", json];
  const { stdout } = await promisify(execFile)(strongroom, ["bench", "server", ...tiny], {
    env: { ...process.env, TMPDIR: folder },
  });
  const { machine, node, rows } = JSON.parse(readFileSync(json, "utf8")) as Report;
  expect({ machine, node }).toEqual({ machine: expect.stringContaining("Linux"), node: process.version });
  expect(rows.map(({ bench, contender }) => [bench, contender])).toEqual(
    ["server-encrypt", "server-decrypt", "server-generate-data-key"].flatMap((bench) =>
      ["strongroom soft", "strongroom softhsm2", "bare node:https"].map((contender) => [bench, contender]),
    ),
  );
  for (const row of rows) {
    expect(row).toMatchObject({ bytes: 32, rounds: 2, requestsPerSecond: expect.any(Number) });
    expect(row.medianNs).toBeGreaterThanOrEqual(row.p10Ns);
    expect(row.p90Ns).toBeGreaterThanOrEqual(row.medianNs);
    expect(stdout).toContain(row.bench);
  }
  // The compiled code of the workers is kept for the next start.
  expect(readdirSync(folder).filter((name) => !name.startsWith("strongroom-code-"))).toEqual(["report.json"]);
}, 120_000);
