import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const passed = { status: "passed", fullName: "adds" };
const failed = { status: "failed", fullName: "subtracts" };
const skipped = { status: "skipped", fullName: "divides" };

test("checks and tests that passed are counted together", () => {
  expect(tally(report(1, file("passed", passed)), "0", "3", "0")).toEqual({ status: 0, last: "4 passed, 0 failed" });
});

test("a failed test fails", () => {
  expect(tally(report(1, file("failed", passed, failed)), "1", "3", "0")).toEqual({
    status: 1,
    last: "4 passed, 1 failed",
  });
});

test("a failed check fails", () => {
  expect(tally(report(1, file("passed", passed)), "0", "2", "1")).toEqual({ status: 1, last: "3 passed, 1 failed" });
});

test("a skipped test fails", () => {
  expect(tally(report(1, file("passed", passed, skipped)), "0", "3", "0").status).toBe(1);
});

test("a file that breaks outside its tests fails", () => {
  expect(tally(report(1, file("passed", passed), file("failed")), "1", "0", "0").last).toBe("1 passed, 1 failed");
});

test("no tests fail", () => {
  expect(tally(report(0), "0", "3", "0").status).toBe(1);
});

test("a report that was never written fails", () => {
  expect(tally(undefined, "1", "3", "0")).toEqual({ status: 1, last: "3 passed, 1 failed" });
});

test("an error that vitest found outside every file fails", () => {
  expect(tally(report(1, file("passed", passed)), "1", "0", "0").status).toBe(1);
});

const file = (status: string, ...assertionResults: (typeof passed)[]) => ({
  name: "a.test.ts",
  status,
  assertionResults,
});

const report = (numPassedTests: number, ...testResults: ReturnType<typeof file>[]) => ({ numPassedTests, testResults });

function tally(json: ReturnType<typeof report> | undefined, ...counts: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "tally-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "tests.json");
  if (json !== undefined) writeFileSync(path, JSON.stringify(json));
  const run = spawnSync(process.execPath, ["scripts/tally.ts", path, ...counts], { encoding: "utf8" });
  return { status: run.status, last: run.stdout.trimEnd().split("\n").at(-1) };
}
