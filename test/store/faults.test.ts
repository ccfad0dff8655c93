import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { equalBytes } from "../../src/base/bytes.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { Home } from "./home.ts";
import { pairOf, stamp } from "./writer.ts";

const writer = new URL("./writer.ts", import.meta.url).pathname;
const node = process.execPath;

/** The numbers that the lines of a writer's output acknowledge, begin, or fail. */
const numbers = (output: string, word: "ack" | "begin" | "failed"): number[] =>
  [...output.matchAll(new RegExp(`^${word} (\\d+)\\b`, "gm"))].map((match) => Number(match[1]));

/** What the store holds of these pairs that it should not, for a message: half of one, other values, or nothing. */
async function faults(store: Store, pairs: readonly number[], mayBeMissing = false): Promise<string[]> {
  const found: string[] = [];
  for (const n of pairs) {
    const [a, b] = await Promise.all(pairOf(n).map((path) => store.get(path)));
    if (!a && !b && mayBeMissing) continue;
    if (!a || !b) found.push(a || b ? `half of ${n}` : `nothing of ${n}`);
    else if (!equalBytes(a.value, stamp(n)) || !equalBytes(b.value, stamp(n))) found.push(`another ${n}`);
  }
  return found;
}

describe("a process that is killed in the middle of commits", () => {
  test.each(["sealed", "sqlite"] as const)(
    "loses nothing acknowledged, and leaves nothing half made: %s",
    async (kind) => {
      const home = await Home.make();
      const open = (): Promise<Store> => (kind === "sealed" ? home.open() : openSqlite(home.file, { create: true }));
      await (await open()).close();
      let next = 0;
      for (let round = 0; round < 6; round++) {
        const output = await killedWriter(kind, home.folder, next, 20 + Math.random() * 250);
        const acknowledged = numbers(output, "ack");
        const begun = numbers(output, "begin");
        expect(acknowledged.length).toBeGreaterThan(0);
        const store = await open();
        expect(await faults(store, acknowledged)).toEqual([]);
        expect(await faults(store, begun, true)).toEqual([]);
        await store.close();
        next = Math.max(...begun) + 1;
      }
      home.dispose();
    },
    60_000,
  );

  /** Kills it `delay` ms after its first acknowledgement. Its output goes to a file: a full pipe would hold it up. */
  async function killedWriter(kind: string, folder: string, first: number, delay: number): Promise<string> {
    const log = join(folder, "output");
    const output = openSync(log, "w");
    const child = spawn(node, [writer, kind, folder, `${first}`, "1000000", "8"], {
      stdio: ["ignore", output, "inherit"],
    });
    closeSync(output);
    const ended = once(child, "close");
    while (child.exitCode === null && !readFileSync(log, "utf8").includes("ack")) await setTimeout(5);
    await setTimeout(delay);
    child.kill("SIGKILL");
    const [, signal] = await ended;
    expect(signal).toBe("SIGKILL");
    return readFileSync(log, "utf8");
  }
});

describe("a disk that fails", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "store-"));
    file = join(folder, "store.db");
    await (await openSqlite(file, { create: true })).close();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(["sqlite", "sealed"] as const)(
    "with a limit on file size: unavailable, no write is tried again, and nothing acknowledged is lost: %s",
    async (kind) => {
      const home = await Home.make();
      const open = (): Promise<Store> => (kind === "sealed" ? home.open() : openSqlite(home.file, { create: true }));
      await (await open()).close();
      const limited = ["-c", 'ulimit -f 600; exec "$@"', "sh", node, writer, kind, home.folder, "0", "500", "4"];
      const output = run("sh", limited);
      const [acknowledged, failed] = [numbers(output, "ack"), numbers(output, "failed")];
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(failed.length).toBeGreaterThanOrEqual(10);
      expect(output).toMatch(/^failed \d+ unavailable .*open the store again$/m);
      expect(Math.max(...acknowledged)).toBeLessThan(Math.min(...failed));
      const store = await open();
      expect(await faults(store, acknowledged)).toEqual([]);
      expect(await faults(store, failed, true)).toEqual([]);
      await store.commit([{ path: "key/after", value: stamp(1), revision: 0 }]);
      await store.close();
      home.dispose();
    },
  );

  test("with an fsync that fails: unavailable from then on, and nothing acknowledged is lost", async () => {
    const inject = ["-f", "-qq", "-o", join(folder, "trace"), "-e", "trace=fsync,fdatasync", "-e"];
    const output = run("strace", [
      ...inject,
      "inject=fsync,fdatasync:error=EIO:when=12",
      node,
      writer,
      "sqlite",
      folder,
      "0",
      "60",
      "1",
    ]);
    const [acknowledged, failed] = [numbers(output, "ack"), numbers(output, "failed")];
    expect(readFileSync(join(folder, "trace"), "utf8")).toMatch(/INJECTED/);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(failed).toEqual(Array.from({ length: 10 }, (_, i) => acknowledged.length + i));
    const store = await openSqlite(file);
    expect(await faults(store, acknowledged)).toEqual([]);
    expect(await faults(store, failed, true)).toEqual([]);
    await store.close();
  });

  test("when it is full: unavailable, it goes on when there is room, and nothing acknowledged is lost", async () => {
    const script = `mount -t tmpfs -o size=1m tmpfs "$1" && "$2" "$3" "$1"`;
    const output = run("unshare", [
      "-rm",
      "sh",
      "-c",
      script,
      "sh",
      folder,
      node,
      new URL("./full-disk.ts", import.meta.url).pathname,
    ]);
    expect(output).toMatch(/^full: unavailable .*full$/m);
    expect(output).toMatch(/^lost: 0 of \d{2,}$/m);
    expect(output).toMatch(/^with room: committed$/m);
    expect(output).toMatch(/^lost after opening again: 0 of \d{2,}$/m);
  });

  test("when it is mounted for reading only: it does not open for writing", async () => {
    const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && "$2" "$3" sqlite "$1" 0 1 1`;
    const { status, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script, "sh", folder, node, writer], {
      encoding: "utf8",
    });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/StoreError: .*store\.db: open: unable to open database file/);
    expect(stderr).toMatch(/kind: 'unavailable'/);
  });
});

test("a commit is acknowledged only after fsync of the log has returned", async () => {
  const folder = mkdtempSync(join(tmpdir(), "store-"));
  await (await openSqlite(join(folder, "store.db"), { create: true })).close();
  const trace = join(folder, "trace");
  const calls = "trace=pwrite64,fdatasync,fsync,write";
  run("strace", [
    "-f",
    "-qq",
    "-s",
    "16",
    "-y",
    "-o",
    trace,
    "-e",
    calls,
    node,
    writer,
    "sqlite",
    folder,
    "0",
    "30",
    "1",
  ]);
  const lines = readFileSync(trace, "utf8").split("\n");
  for (let n = 0; n < 30; n++) {
    const begin = lines.findIndex((line) => line.includes(`"begin ${n}\\n"`));
    const ack = lines.findIndex((line) => line.includes(`"ack ${n}\\n"`));
    const commit = lines.slice(begin, ack);
    const written = commit.findLastIndex((line) => line.includes("store.db-wal>") && line.includes("pwrite64("));
    expect(begin, `begin ${n}`).toBeGreaterThan(-1);
    expect(written, `log written for ${n}`).toBeGreaterThan(-1);
    expect(synced(commit.slice(written)), `fsync before ack ${n}`).toBe(true);
  }
  rmSync(folder, { recursive: true });
});

/** Whether an fsync or fdatasync of the log began in these lines of a trace, and has returned 0. */
function synced(lines: readonly string[]): boolean {
  const begin = lines.findIndex((line) => /\bf(data)?sync\(/.test(line) && line.includes("store.db-wal>"));
  const call = lines[begin];
  if (call === undefined) return false;
  if (!call.includes("unfinished")) return call.endsWith("= 0");
  const thread = call.split(" ")[0] as string;
  return lines.slice(begin).some((line) => line.startsWith(thread) && /sync resumed>.*= 0$/.test(line));
}

test("two processes that write one sealed store lose nothing and open it again", async () => {
  const home = await Home.make();
  await (await home.open()).close();
  const children = [0, 1000].map((first) =>
    promisify(execFile)(node, [writer, "sealed", home.folder, `${first}`, "150", "3"]),
  );
  for (const { stdout } of await Promise.all(children)) {
    expect(numbers(stdout, "ack")).toHaveLength(150);
    expect(stdout).toContain("closed");
  }
  const store = await home.open();
  const pairs = Array.from({ length: 150 }, (_, n) => [n, 1000 + n]).flat();
  expect(await faults(store, pairs)).toEqual([]);
  await store.close();
  home.dispose();
});

/** The output of a command that must end well. */
function run(command: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}: ${stderr}\n${stdout}`);
  return stdout;
}
