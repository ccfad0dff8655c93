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

/** The soft tokens of a pkcsslotd, in namespaces of their own. */
export interface OpenCryptoki {
  /** One that nobody has had yet. */
  fresh(): Promise<Pkcs11Config & Required<Pick<Pkcs11Config, "pin">>>;
  /** What stands before a command to have it in the namespaces. */
  readonly inside: readonly string[];
  stop(): Promise<void>;
}

/** A maker of `count` real openCryptoki soft tokens, which go with the file's tests: see `startOpenCryptoki`. */
export async function openCryptokiTokens(count: number): Promise<() => Promise<Pkcs11Config>> {
  const { fresh, stop } = await startOpenCryptoki(count);
  afterAll(stop);
  return fresh;
}

/** Until it is stopped, whatever this process starts with `process.execPath` runs in its namespaces. */
export async function startOpenCryptoki(count: number): Promise<OpenCryptoki> {
  if (!module) throw new Error("openCryptoki is not installed: apt-get install opencryptoki");
  const folder = mkdtempSync(join(tmpdir(), "strongroom-opencryptoki-"));
  const holder = await start(folder, count);
  const inside = [
    ...["nsenter", "--target", `${holder.pid}`, "--mount", "--ipc"],
    ...(isRoot ? [] : ["--user", "--preserve-credentials"]),
    "--",
  ];
  process.execPath = nodeInside(inside, folder);

  const labels = Array.from({ length: count }, (_, i) => `soft token ${i}`);
  execFileSync(process.execPath, [join(import.meta.dirname, "init-tokens.ts"), module, pin, soPin, ...labels]);
  writeFileSync(join(folder, "pin"), pin, { mode: 0o600 });
  return {
    inside,
    async fresh() {
      const label = labels.shift();
      if (!label) throw new Error(`there are no more than ${count} tokens`);
      return {
        driver: "pkcs11",
        uri: `pkcs11:token=${encodeURIComponent(label)}?module-path=${encodeURIComponent(module)}`,
        pin: `file:${join(folder, "pin")}`,
      };
    },
    async stop() {
      process.execPath = node;
      const exit = once(holder, "exit");
      holder.stdin?.end();
      await exit;
      rmSync(folder, { recursive: true, maxRetries: 10 });
    },
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

/** A program that is Node in the namespaces. */
function nodeInside(inside: readonly string[], folder: string): string {
  const program = join(folder, "node");
  writeFileSync(program, `#!/bin/sh\nexec ${inside.join(" ")} '${node}' "$@"\n`, { mode: 0o700 });
  return program;
}
