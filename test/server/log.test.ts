import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { AuditError, HsmError, StoreError } from "../../src/base/errors.ts";
import { describeFailure, ServerLog } from "../../src/server/log.ts";

describe("the log", () => {
  it("writes a burst, then so many lines a second, and counts the rest", () => {
    const lines: Record<string, unknown>[] = [];
    let time = Date.UTC(2026, 10, 22);
    const clock: Clock = { now: () => time, real: () => time };
    const log = new ServerLog(clock, (line) => lines.push(JSON.parse(line)), { rate: 2, burst: 3 });
    for (let i = 0; i < 10; i++) log.write("event", { i });
    expect(lines.map(({ i }) => i)).toEqual([0, 1, 2]);
    time += 500;
    log.write("event", { i: 10 });
    log.write("event", { i: 11 });
    expect(lines[3]).toEqual({ time: "2026-11-22T00:00:00.500Z", event: "event", i: 10, suppressed: 7 });
    time -= 60_000;
    log.write("event", { i: 12 });
    expect(lines).toHaveLength(4);
    time += 3_600_000;
    for (let i = 0; i < 10; i++) log.write("event", { i });
    expect(lines).toHaveLength(7);
    expect(lines[4]).toMatchObject({ suppressed: 2 });
    expect(lines[5]).not.toHaveProperty("suppressed");
  });

  it("has one line an entry", () => {
    const lines: string[] = [];
    new ServerLog({ now: Date.now, real: Date.now }, (line) => lines.push(line)).write("event", {
      text: "a\nb\u2028c",
    });
    expect(lines[0]?.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("a failure", () => {
  it("of our own is told in its words, which are for operators", () => {
    expect(describeFailure(new HsmError("internal", "m"))).toEqual({
      error: "HsmError",
      kind: "internal",
      message: "m",
    });
    expect(describeFailure(new StoreError("corrupt", "m"))).toEqual({
      error: "StoreError",
      kind: "corrupt",
      message: "m",
    });
    expect(describeFailure(new AuditError("m"))).toEqual({ error: "AuditError", message: "m" });
  });

  it("of another is told by its name, code and place", () => {
    const error = Object.assign(new RangeError("quoted\n    at input"), { code: "ERR_X" });
    const told = describeFailure(error);
    expect(told).toMatchObject({ error: "RangeError", code: "ERR_X", at: expect.stringContaining("log.test.ts") });
    expect(JSON.stringify(told)).not.toMatch(/quoted|input/);
    expect(describeFailure("text")).toEqual({ error: "string" });
    expect(describeFailure(undefined)).toEqual({ error: "undefined" });
  });
});
