import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { genesis, hashLine } from "../../src/audit/chain.ts";
import { type AuditLog, type AuditLogOptions, openAuditLog } from "../../src/audit/log.ts";
import { verifyChain } from "../../src/audit/verify.ts";
import { AuditError, ConfigError } from "../../src/base/errors.ts";
import { folder, newEvent } from "./events.ts";

const small: AuditLogOptions = { minimumFree: 0, ballast: 4096 };

async function open(directory: string): Promise<AuditLog> {
  const log = await openAuditLog(directory, "server", small);
  onTestFinished(() => log.close());
  return log;
}

/** A chain of `count` events, closed. */
async function chainOf(count: number): Promise<{ directory: string; file: string; lines: string[] }> {
  const directory = folder();
  const log = await open(directory);
  await Promise.all(Array.from({ length: count }, () => log.append(newEvent())));
  await log.close();
  const file = join(directory, "server.jsonl");
  return { directory, file, lines: readFileSync(file, "utf8").trimEnd().split("\n") };
}

describe("the log", () => {
  test("is one line an event, each with the hash of the line before it", async () => {
    const directory = folder();
    const log = await open(directory);
    const events = [newEvent("Encrypt"), newEvent("Decrypt"), newEvent("Sign")];
    await Promise.all(events.map((event) => log.append(event)));
    const lines = readFileSync(join(directory, "server.jsonl"), "utf8").trimEnd().split("\n");
    let previous = genesis;
    for (const [i, line] of lines.entries()) {
      const event = JSON.parse(JSON.stringify(events[i]));
      expect(JSON.parse(line)).toEqual({ ...event, chain: { id: "server", sequence: i + 1, previous } });
      previous = hashLine(Buffer.from(line));
    }
    expect([lines.length, log.sequence]).toEqual([3, 3]);
    expect(await verifyChain(join(directory, "server.jsonl"))).toEqual({
      lines: 3,
      sequence: 3,
      head: previous,
      resumptions: 0,
      unfinished: 0,
    });
  });

  test("is private, and goes on where it ended", async () => {
    const { directory, file } = await chainOf(2);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const log = await open(directory);
    await log.append(newEvent());
    expect(await verifyChain(file)).toMatchObject({ lines: 3, sequence: 3, resumptions: 0 });
  });

  test("keeps the order of the calls, many at a time and of any size", async () => {
    const directory = folder();
    const log = await open(directory);
    const events = Array.from({ length: 2000 }, (_, i) => ({
      ...newEvent(),
      requestParameters: { i, text: "é".repeat(i % 500) },
    }));
    const done: number[] = [];
    await Promise.all(events.map((event, i) => log.append(event).then(() => done.push(i))));
    expect(done).toEqual(events.map((_, i) => i));
    const lines = readFileSync(join(directory, "server.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).requestParameters.i)).toEqual(events.map((_, i) => i));
    expect(await verifyChain(join(directory, "server.jsonl"))).toMatchObject({ sequence: 2000 });
  });

  test("takes nothing once it is closed", async () => {
    const log = await open(folder());
    const last = log.append(newEvent());
    await log.close();
    await last;
    expect(() => log.reserve()).toThrow(AuditError);
    await expect(log.append(newEvent())).rejects.toThrow("closed");
    expect(log.health()).toEqual({ ok: false, detail: "the audit log is closed" });
  });

  test("has one writer: another, in this process or in another, is refused until the first is gone", async () => {
    const directory = folder();
    const log = await open(directory);
    await expect(openAuditLog(directory, "server", small)).rejects.toThrow(ConfigError);
    const script = `import { openAuditLog } from ${JSON.stringify(import.meta.resolve("../../src/audit/log.ts"))};
      await openAuditLog(${JSON.stringify(directory)}, "server", { minimumFree: 0, ballast: 4096 });`;
    const other = () => spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(other().stderr).toContain("is held by another process");
    await (await openAuditLog(directory, "other", small)).close();
    await log.close();
    expect(other()).toMatchObject({ status: 0, stderr: "" });
  });

  test.each<[string, (directory: string) => void, RegExp]>([
    [
      "a file that others can read",
      (d) => {
        writeFileSync(join(d, "server.jsonl"), "");
        chmodSync(join(d, "server.jsonl"), 0o644);
      },
      /chmod 600/,
    ],
    ["a link", (d) => symlinkSync("/dev/null", join(d, "server.jsonl")), /cannot use .*server.jsonl/],
    ["a folder that is a file", (d) => writeFileSync(join(d, "sub"), ""), /cannot use .*sub/],
  ])("refuses %s", async (_name, make, why) => {
    const directory = folder();
    make(directory);
    const place = why.source.endsWith("sub") ? join(directory, "sub") : directory;
    const refusal = await openAuditLog(place, "server", small).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as Error).message).toMatch(why);
  });

  test("refuses a name that is no file name", async () => {
    await expect(openAuditLog(folder(), "../server", small)).rejects.toThrow(ConfigError);
  });

  test("accepts nothing new while less is free than it should be", async () => {
    const log = await openAuditLog(folder(), "server", { minimumFree: Number.MAX_SAFE_INTEGER, ballast: 4096 });
    onTestFinished(() => log.close());
    expect(() => log.reserve()).toThrow(/bytes are free for the audit log/);
    await log.append(newEvent());
    expect(log.health().ok).toBe(false);
  });
});

describe("a line that a crash has torn", () => {
  test.each([1, 100, 1_000_000])("stays, and a ChainResumed follows (%i bytes short)", async (missing) => {
    const { directory, file, lines } = await chainOf(3);
    const torn = Math.max(1, Buffer.byteLength(lines[2] ?? "") + 1 - missing);
    truncateSync(file, Buffer.byteLength(`${lines[0]}\n${lines[1]}\n`) + torn);
    const before = readFileSync(file);
    const log = await open(directory);
    await log.append(newEvent());
    await log.close();
    expect(readFileSync(file).subarray(0, before.length)).toEqual(before);
    const resumed = JSON.parse(readFileSync(file, "utf8").split("\n")[3] ?? "");
    expect(resumed).toMatchObject({
      eventName: "ChainResumed",
      eventType: "AwsServiceEvent",
      serviceEventDetails: { chain: "server", tornBytes: torn },
    });
    expect(await verifyChain(file)).toMatchObject({ lines: 5, resumptions: 1, unfinished: 0 });
    expect(await verifyChain(file)).not.toHaveProperty("problem");
  });

  test("may be the first", async () => {
    const { directory, file } = await chainOf(1);
    truncateSync(file, 10);
    await open(directory);
    expect(await verifyChain(file)).toMatchObject({ lines: 2, sequence: 1, resumptions: 1 });
  });

  test("may have been ended by an opening that crashed, too", async () => {
    const { directory, file } = await chainOf(2);
    appendFileSync(file, '{"torn\n');
    await open(directory);
    expect(await verifyChain(file)).toMatchObject({ lines: 4, sequence: 3, resumptions: 1 });
  });

  test("may be garbage, where the file grew before its bytes came", async () => {
    const { directory, file } = await chainOf(2);
    appendFileSync(file, Buffer.alloc(5000));
    await open(directory);
    expect(await verifyChain(file)).toMatchObject({ lines: 4, sequence: 3, resumptions: 1 });
  });
});

describe("a chain that was changed", () => {
  const edits: [string, (lines: string[]) => string[], number, RegExp][] = [
    ["edited", (l) => l.with(3, l[3]?.replace("alice", "malice") ?? ""), 5, /hash of the line before/],
    ["short of a line", (l) => l.toSpliced(3, 1), 4, /hash of the line before/],
    ["short of its beginning", (l) => l.slice(1), 1, /hash of the line before/],
    ["reordered", (l) => l.with(3, l[4] ?? "").with(4, l[3] ?? ""), 4, /hash of the line before/],
    ["longer by a line", (l) => l.toSpliced(3, 0, l[2] ?? ""), 4, /hash of the line before/],
    ["blotted out", (l) => l.with(3, "x"), 5, /no event, and it does not resume/],
    ["blotted out twice", (l) => l.with(3, "x").with(4, "x"), 5, /two lines in a row/],
    [
      "given another's line",
      (l) => l.with(3, l[3]?.replace('"id":"server"', '"id":"client"') ?? ""),
      4,
      /of the chain client/,
    ],
  ];

  test.each(edits)("is found out: %s", async (_name, edit, line, what) => {
    const { file, lines } = await chainOf(7);
    writeFileSync(file, `${edit(lines).join("\n")}\n`);
    const { problem } = await verifyChain(file);
    expect(problem).toMatchObject({ line, what: expect.stringMatching(what) });
  });

  test.each(edits)("is not gone on with: %s", async (_name, edit) => {
    const { directory, file, lines } = await chainOf(7);
    writeFileSync(file, `${edit(lines).join("\n")}\n`);
    const before = readFileSync(file);
    await expect(openAuditLog(directory, "server", small)).rejects.toThrow(/is not intact: line \d/);
    expect(readFileSync(file)).toEqual(before);
  });

  test("calculated anew with a gap is found out by its sequence", async () => {
    const { file, lines } = await chainOf(3);
    const [first, second, third] = lines as [string, string, string];
    const forged = third.replace(hashLine(Buffer.from(second)), hashLine(Buffer.from(first)));
    writeFileSync(file, `${first}\n${forged}\n`);
    expect((await verifyChain(file)).problem).toEqual({ line: 2, what: "its sequence is 3, after 1" });
  });

  test("is checked over its last 4 MiB only when it is opened, and over all by verifyChain", async () => {
    const directory = folder();
    const log = await open(directory);
    const large = { ...newEvent(), requestParameters: { text: "x".repeat(90_000) } };
    await Promise.all(Array.from({ length: 60 }, () => log.append(large)));
    await log.close();
    const file = join(directory, "server.jsonl");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace("alice", "malic"));
    await open(directory);
    expect((await verifyChain(file)).problem?.line).toBe(2);
  });
});

test("what is not there cannot be verified", async () => {
  await expect(verifyChain(join(folder(), "server.jsonl"))).rejects.toThrow(ConfigError);
});
