import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { until } from "./load.ts";

/** One system call; `begin` and `end` are places in the order of the trace. */
interface SystemCall {
  readonly name: string;
  /** What its descriptor leads to. */
  readonly file: string;
  readonly begin: number;
  end: number;
  result: string;
}

describe("an answer leaves the service", () => {
  const home = temporaryHome();
  let service: Service;

  beforeAll(async () => {
    service = await startService(home);
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    removeHome(home);
  });

  it("after the change, and after its event, are on the disk", async () => {
    const kms = service.client();
    await kms.listKeys();
    const before = await traced(service, join(home, "trace"), () => kms.createKey());
    const { written } = durable(before, "audit/service.jsonl");
    const beforeEvent = before.filter(({ end }) => end < written);
    durable(beforeEvent, "store.db-wal");
  }, 60_000);

  it("after the event of a use is on the disk, which writes nothing to the store", async () => {
    const kms = service.client();
    const { KeyMetadata } = await kms.createKey();
    await kms.encrypt({ KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(1) });
    const before = await traced(service, join(home, "trace"), () =>
      kms.encrypt({ KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(2) }),
    );
    durable(before, "audit/service.jsonl");
    expect(before.filter(({ file }) => file.includes("store.db"))).toEqual([]);
  }, 60_000);
});

/** Expects a sync of `file` that began after the last write to it had returned, and tells when that write began. */
function durable(calls: readonly SystemCall[], file: string): { written: number } {
  const ours = calls.filter((call) => call.file.endsWith(file));
  const write = ours.findLast(({ name }) => name.includes("write"));
  expect(write, `a write to ${file}`).toBeDefined();
  const { begin, end } = write as SystemCall;
  const sync = ours.find((call) => call.name.endsWith("sync") && call.begin > end && call.result === "0");
  expect(sync, `fdatasync of ${file} after its last write`).toBeDefined();
  return { written: begin };
}

/** The calls that returned before the service began to write its answer to `request`, the only one meanwhile. */
async function traced(service: Service, output: string, request: () => Promise<unknown>): Promise<SystemCall[]> {
  const calls = "trace=read,write,writev,pwrite64,pwritev,fsync,fdatasync,sendto,sendmsg";
  const strace = spawn("strace", ["-f", "-yy", "-s", "0", "-e", calls, "-o", output, "-p", `${service.process.pid}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  strace.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = new Promise((resolve) => strace.once("exit", resolve));
  await until(() => log.includes("attached"), "strace attaches");
  await request();
  strace.kill("SIGINT");
  await ended;
  const all = parseTrace(readFileSync(output, "utf8"));
  const answer = all.find(({ name, file }) => isSending.has(name) && file.startsWith("TCP:"));
  expect(answer, "the answer").toBeDefined();
  return all.filter(({ end }) => end < (answer as SystemCall).begin);
}

const isSending = new Set(["write", "writev", "sendto", "sendmsg"]);

/** Lines of `strace -f -yy`: a call that other threads interrupted is told by two lines. */
function parseTrace(text: string): SystemCall[] {
  const open = new Map<string, SystemCall>();
  const calls: SystemCall[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const [, thread = "", told = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const [, name, file] = /^(\w+)\(\d+<(.*?)>[,)]/.exec(told) ?? /^(\w+)\(\d+<(.*?)> <unfinished/.exec(told) ?? [];
    const result = / = (\S+)[^=]*$/.exec(told)?.[1] ?? "";
    if (name !== undefined && file !== undefined) {
      const unfinished = told.includes("<unfinished");
      const call = { name, file, begin: at, end: unfinished ? Number.POSITIVE_INFINITY : at, result };
      calls.push(call);
      if (unfinished) open.set(thread, call);
    } else if (told.includes("resumed>")) {
      const call = open.get(thread);
      if (call) Object.assign(call, { end: at, result });
    }
  }
  return calls;
}
