import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { chooseEngine, preferred } from "../../src/engine/auto.ts";
import { cipherRefusal } from "../../src/engine/suites.ts";

const root = join(import.meta.dirname, "../..");

it("takes the fastest of those that are allowed, and says by how much", async () => {
  const { engine, reason } = await chooseEngine("auto", ["node", "wasm"]);
  expect(engine.name).toBe("wasm");
  expect(reason).toMatch(/^engine auto: wasm \d+\.\d µs, node \d+\.\d µs$/);
});

it("takes none that is not allowed, however fast", async () => {
  expect((await chooseEngine("auto", ["node"])).engine.name).toBe("node");
  await expect(chooseEngine("auto", [])).rejects.toThrow(ConfigError);
});

it("takes none that lacks SM4 where another has it", async () => {
  const { engine } = await chooseEngine("wasm");
  const [fast, slow] = [{ engine: {} }, { engine }];
  expect(preferred([fast, slow])).toBe(slow);
  expect(preferred([fast])).toBe(fast);
  expect(cipherRefusal({ name: "native" }, "SM4")).toMatch(/engine native: choose the engine wasm/);
  expect([cipherRefusal({ name: "native" }, "SYMMETRIC_DEFAULT"), cipherRefusal(engine, "SM4")]).toEqual([
    undefined,
    undefined,
  ]);
});

it("does not choose where one was named", async () => {
  expect(await chooseEngine("node", ["wasm"])).toEqual({ engine: expect.objectContaining({ name: "node" }) });
});

it("takes wasm where there was no compiler, and says why", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-auto-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const part of ["src/base", "src/model", "src/engine", "build/wasm"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  const script = `import { chooseEngine } from ${JSON.stringify(join(folder, "src/engine/auto.ts"))};
    const { engine, reason } = await chooseEngine("auto");
    console.log(engine.name, reason);`;
  const said = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", script], { encoding: "utf8" });
  expect(said).toMatch(/^wasm engine auto: wasm .* µs; the native engine has not been built/);
});
