import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { isBuilt, load } from "../../../src/engine/native/addon.ts";

const built = join(import.meta.dirname, "../../../build/native");
const name = "strongroom.node";
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strongroom-native-"));
  path = join(folder, name);
  for (const file of [name, `${name}.sha256`]) copyFileSync(join(built, file), join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("loads what was built", () => {
  expect(isBuilt(path)).toBe(true);
  expect(load(path).sha256(new Uint8Array(0), new Uint8Array(32))).toBe(32);
});

it("says what to do when nothing was built", () => {
  rmSync(path);
  expect(isBuilt(path)).toBe(false);
  expect(() => load(path)).toThrow(ConfigError);
  expect(() => load(path)).toThrow("scripts/build");
});

it("loads nothing that was changed afterwards", () => {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  writeFileSync(path, bytes);
  expect(() => load(path)).toThrow(ConfigError);
});

it("works in threads beside each other, each with memory of its own", async () => {
  const module = new URL("../../../src/engine/native/addon.ts", import.meta.url);
  const script = `
    const { load } = await import(${JSON.stringify(module)});
    const { parentPort } = await import("node:worker_threads");
    const addon = load();
    const drbg = new addon.Drbg();
    drbg.instantiate(new Uint8Array(48), new Uint8Array(0));
    const target = new Uint8Array(65_536);
    for (let i = 0; i < 200; i++) drbg.generate(new Uint8Array(48), target);
    parentPort.postMessage(Buffer.from(target.subarray(0, 32)).toString("hex"));`;
  const answers = Array.from({ length: 4 }, () => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  });
  expect(new Set(await Promise.all(answers)).size).toBe(1);
});
