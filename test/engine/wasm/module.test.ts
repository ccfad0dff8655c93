import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { Core } from "../../../src/engine/wasm/core.ts";
import { compileBuild } from "../../../src/engine/wasm/module.ts";

const built = join(import.meta.dirname, "../../../build/wasm");
const name = "strongroom-strict.wasm";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strongroom-wasm-"));
  for (const file of [name, `${name}.sha256`]) copyFileSync(join(built, file), join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("loads what was built", async () => {
  expect(new Core(await compileBuild("strict", folder)).memory).toHaveLength(5 * 65_536);
});

it("says what to do when nothing was built", async () => {
  await expect(compileBuild("relaxed", folder)).rejects.toThrow(ConfigError);
  await expect(compileBuild("relaxed", folder)).rejects.toThrow("scripts/build");
});

it("loads nothing that was changed afterwards", async () => {
  const bytes = readFileSync(join(folder, name));
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  writeFileSync(join(folder, name), bytes);
  await expect(compileBuild("strict", folder)).rejects.toThrow(ConfigError);
});

it("keeps the memories of instances apart", async () => {
  const module = await compileBuild("strict");
  const [one, two] = [new Core(module), new Core(module)];
  one.memory.fill(0xff);
  expect(two.memory).toEqual(new Core(module).memory);
});
