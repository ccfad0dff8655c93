import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "../..");

test("the same sources give the same WebAssembly, byte by byte", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  execFileSync(join(root, "scripts/build-wasm"), [folder]);
  const files = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  expect(files.sort()).toEqual(["strongroom-relaxed.wasm", "strongroom-strict.wasm"]);
  for (const file of files) {
    const [first, second] = [join(root, "build/wasm"), folder].map((place) => readFileSync(join(place, file)));
    expect(first?.equals(second as Buffer), file).toBe(true);
  }
});
