import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { openAuditLog } from "../../src/audit/log.ts";
import { verifyChain } from "../../src/audit/verify.ts";
import { folder } from "./events.ts";

const appender = join(import.meta.dirname, "appender.ts");
const small = JSON.stringify({ minimumFree: 0, ballast: 4096 });

/** Lines of its standard output as they come. */
function run(
  command: string,
  ...args: string[]
): { child: ChildProcessWithoutNullStreams; closed: Promise<unknown[]>; lines: AsyncIterator<string> } {
  const child = spawn(command, args, { detached: true });
  child.stderr.pipe(process.stderr);
  const closed = once(child, "close");
  onTestFinished(async () => {
    killGroup(child, "SIGKILL");
    await closed;
  });
  return { child, closed, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

/** With everything that it has started. */
function killGroup(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid as number), signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function take(lines: AsyncIterator<string>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await lines.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

test("a process killed in the middle of appending loses no event that it was told is durable", async () => {
  const directory = folder();
  const file = join(directory, "server.jsonl");
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round++) {
    const { child, closed, lines } = run(process.execPath, appender, directory, "32", small);
    acknowledged.push(...(await take(lines, 200 + 97 * round)));
    child.kill("SIGKILL");
    acknowledged.push(...(await take(lines, Number.POSITIVE_INFINITY)));
    await closed;
    // The kernel dropped the lock with the process: this opens at once, and mends what was torn.
    await (await openAuditLog(directory, "server", JSON.parse(small))).close();
  }
  const report = await verifyChain(file);
  expect(report).not.toHaveProperty("problem");
  const written = new Set(
    readFileSync(file, "utf8")
      .match(/"eventID":"[^"]+"/g)
      ?.map((text) => text.slice(11, -1)),
  );
  const lost = acknowledged.map((line) => line.replace("durable ", "")).filter((id) => !written.has(id));
  expect(acknowledged.length).toBeGreaterThan(1000);
  expect(lost).toEqual([]);
}, 60_000);

test("fdatasync has returned before an event is said to be durable", async () => {
  const directory = folder();
  const trace = join(directory, "trace");
  const calls = "trace=write,writev,pwrite64,fdatasync";
  const { child, closed, lines } = run(
    "strace",
    "-f",
    "-y",
    "-e",
    calls,
    "-s",
    "4000",
    "-o",
    trace,
    process.execPath,
    appender,
    directory,
    "1",
    small,
  );
  await take(lines, 5);
  killGroup(child, "SIGTERM");
  await closed;
  let wrote: string | undefined;
  let synced: string | undefined;
  let checked = 0;
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    const ofLog = line.includes("server.jsonl>");
    const id = /eventID\\":\\"([0-9a-f-]{36})/.exec(line)?.[1];
    if (/write(v|64)?\(/.test(line) && ofLog && id) wrote = id;
    else if (/fdatasync(\(.*server\.jsonl>\)| resumed>\)).*= 0$/.test(line)) synced = wrote;
    const said = /write\(.*durable ([0-9a-f-]{36})/.exec(line)?.[1];
    if (said === undefined) continue;
    expect([wrote, synced]).toEqual([said, said]);
    checked += 1;
  }
  expect(checked).toBeGreaterThanOrEqual(5);
}, 60_000);

test("after an fdatasync that failed, nothing is said to be durable and nothing is tried again", async () => {
  const directory = folder();
  // strace counts by thread: one thread does all the writing then.
  const inject = [
    "-E",
    "UV_THREADPOOL_SIZE=1",
    "-e",
    "trace=fdatasync",
    "-e",
    "inject=fdatasync:error=EIO:when=4",
    "-o",
    "/dev/null",
  ];
  const { closed, lines } = run("strace", "-f", ...inject, process.execPath, appender, directory, "1", small);
  const said = await take(lines, Number.POSITIVE_INFINITY);
  expect(said.map((line) => line.replace(/ [0-9a-f-]{36}/, ""))).toEqual([
    "durable",
    "durable",
    "durable",
    "failed the audit log has failed: EIO: i/o error, fdatasync",
    "and for good",
  ]);
  expect(await closed).toEqual([1, null]);
});

/** A file system of 16 MiB in a mount namespace of its own, which the test reaches through /proc. */
test("on a full disk what was accepted is still recorded, nothing new is accepted, and all goes on when there is space", async () => {
  const directory = folder();
  const script = 'mount -t tmpfs -o size=16m tmpfs "$1" && mkdir -m 700 "$1/audit" && exec "$2" "$3" "$1/audit" 8 "$4"';
  const parameters = [directory, process.execPath, appender, '{"minimumFree":0,"ballast":65536}'];
  const { child, lines } = run(
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    script,
    "sh",
    ...parameters,
  );
  const inside = join(`/proc/${child.pid}/root`, directory);
  const acknowledged: string[] = [];
  const until = async (wanted: string, count: number): Promise<void> => {
    for (let seen = 0; seen < count; ) {
      const [state = "", id = ""] = String((await lines.next()).value).split(" ");
      expect(["durable", "refused"]).toContain(state);
      if (state === "durable") acknowledged.push(id);
      if (state === wanted) seen += 1;
    }
  };
  await until("durable", 20);
  expect(() => writeFileSync(join(inside, "filler"), Buffer.alloc(32 << 20))).toThrow(/ENOSPC/);
  // Each of the eight, twice: by then none is on its way.
  await until("refused", 16);
  rmSync(join(inside, "filler"));
  const before = acknowledged.length;
  await until("durable", 20);
  expect(acknowledged.length).toBe(before + 20);
  const file = join(inside, "audit/server.jsonl");
  expect(await verifyChain(file)).not.toHaveProperty("problem");
  const text = readFileSync(file, "utf8");
  expect(acknowledged.filter((id) => !text.includes(id))).toEqual([]);
});
