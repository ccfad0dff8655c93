import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const map = "# The map\n\n```\nmain.ts   top\nupper/    two\nlower/    one\n```\n";

test("imports down the list pass", () => {
  expect(
    checked({
      "main.ts": 'import { b } from "./upper/b.ts";',
      "upper/b.ts": 'export { a as b } from "../lower/a.ts";',
      "lower/a.ts": 'import { readFileSync } from "node:fs";',
    }),
  ).toEqual({ status: 0, problems: "" });
});

test.each([
  ["a static import", 'import { b } from "../upper/b.ts";'],
  ["a type", 'import type { B } from "../upper/b.ts";'],
  ["a re-export", 'export * from "../upper/b.ts";'],
  ["an import over several lines", 'import {\n  b,\n} from "../upper/b.ts";'],
  ["a lazy import", 'const { b } = await import("../upper/b.ts");'],
  ["a worker", 'new Worker(new URL("../upper/b.ts", import.meta.url));'],
])("%s up the list is refused", (_, line) => {
  const { status, problems } = checked({ "upper/b.ts": "", "lower/a.ts": line });
  expect(status).toBe(1);
  expect(problems).toContain("lower/a.ts imports upper/b.ts, which is above it");
});

test("nobody imports main.ts", () => {
  const { status, problems } = checked({ "main.ts": "", "upper/b.ts": 'import "../main.ts";' });
  expect(status).toBe(1);
  expect(problems).toContain("upper/b.ts imports main.ts");
});

test("a folder that the list does not name is refused", () => {
  const { status, problems } = checked({ "stray/a.ts": "" });
  expect(status).toBe(1);
  expect(problems).toContain("stray is not in the list");
});

test("an import out of src is refused", () => {
  const { status, problems } = checked({ "lower/a.ts": 'import "../../test/a.ts";' });
  expect(status).toBe(1);
  expect(problems).toContain("outside");
});

test("folders of one layer do not import each other in a circle", () => {
  const { status, problems } = checked({
    "lower/x/a.ts": 'import "../y/b.ts";',
    "lower/y/b.ts": 'import "../z/c.ts";',
    "lower/z/c.ts": 'import "../x/a.ts";',
  });
  expect(status).toBe(1);
  expect(problems).toContain("lower/x → lower/y → lower/z → lower/x");
});

test("a port and the folder of its implementations may know each other", () => {
  const files = { "lower/port.ts": 'import("./impl/a.ts");', "lower/impl/a.ts": 'import "../port.ts";' };
  expect(checked(files)).toEqual({ status: 0, problems: "" });
});

function checked(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "layers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries({ "README.md": map, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const run = spawnSync(process.execPath, ["scripts/check-layers", folder], { encoding: "utf8" });
  return { status: run.status, problems: run.stderr };
}
