import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Pkcs11Config } from "../../../../src/hsm/index.ts";

/** Where Debian puts it, on either processor. */
const module = ["x86_64", "aarch64"]
  .map((processor) => `/usr/lib/${processor}-linux-gnu/opencryptoki/libopencryptoki.so.0`)
  .find((path) => existsSync(path));

/** The longest that it takes. */
export const pin = "01234567";
export const soPin = "76543210";
const node = process.execPath;

/**
 * A maker of `count` real openCryptoki soft tokens, which go with the file's tests. From here on, whatever this process
 * starts with `process.execPath` runs in their namespaces.
 */
export async function openCryptokiTokens(count: number): Promise<() => Promise<Pkcs11Config>> {
  if (!module) throw new Error("openCryptoki is not installed: apt-get install opencryptoki");
  const folder = mkdtempSync(join(tmpdir(), "strongroom-opencryptoki-"));
  const holder = await start(folder, count);
  process.execPath = nodeBeside(holder, folder);
  afterAll(async () => {
    process.execPath = node;
    const exit = once(holder, "exit");
    holder.stdin?.end();
    await exit;
    rmSync(folder, { recursive: true });
  });

  const labels = Array.from({ length: count }, (_, i) => `soft token ${i}`);
  execFileSync(process.execPath, [join(import.meta.dirname, "init-tokens.ts"), module, pin, soPin, ...labels]);
  writeFileSync(join(folder, "pin"), pin, { mode: 0o600 });
  return async () => {
    const label = labels.shift();
    if (!label) throw new Error(`there are no more than ${count} tokens`);
    return {
      driver: "pkcs11",
      uri: `pkcs11:token=${encodeURIComponent(label)}?module-path=${encodeURIComponent(module)}`,
      pin: `file:${join(folder, "pin")}`,
    };
  };
}

const isRoot = process.getuid?.() === 0;

async function start(folder: string, count: number): Promise<ChildProcess> {
  const namespaces = ["--mount", "--ipc", ...(isRoot ? [] : ["--map-root-user"])];
  const script = join(import.meta.dirname, "start");
  const holder = spawn("unshare", [...namespaces, script, folder, `${count}`], { stdio: ["pipe", "pipe", "inherit"] });
  const [answer] = await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
  if (`${answer}`.trim() !== "ready") throw new Error("openCryptoki does not start");
  return holder;
}

/** A program that is Node in the namespaces of `holder`. */
function nodeBeside({ pid }: ChildProcess, folder: string): string {
  const program = join(folder, "node");
  const namespaces = `--target ${pid} --mount --ipc ${isRoot ? "" : "--user --preserve-credentials"}`;
  writeFileSync(program, `#!/bin/sh\nexec nsenter ${namespaces} -- '${node}' "$@"\n`, { mode: 0o700 });
  return program;
}
