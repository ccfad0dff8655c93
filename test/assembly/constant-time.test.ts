import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builds } from "../../src/engine/wasm/module.ts";
import { leaks } from "./taint.ts";
import { parseWat } from "./wat.ts";

/** What may be decided by octets of the linear memory; the method is in taint.ts. */
const exceptions = {
  publicLoads: [
    // compute tables from constants when the instance starts; the first has those of SM4 in line
    "$~start",
    "$assembly/aes-tables/computeAesTables",
    "$assembly/sm4-tables/mapped",
    // reads lengths, kind, usage and domain key id of a token, which are public
    "$assembly/token/readHead",
  ],
  verdicts: [
    // the one bit that a comparison is for
    "$assembly/constant-time/equal",
    // the length of material that has proved authentic, or -1
    "$assembly/key-wrap/unwrap",
  ],
};

const verdictBranches = ["key-wrap/unwrap: branch"];

describe.each(builds)("the %s module", (build) => {
  const text = readFileSync(join(import.meta.dirname, `../../build/wasm/strongroom-${build}.wat`), "utf8");
  const wat = parseWat(text);

  it("lets no secret reach a branch, an address, a division or a global, but for verdicts", () => {
    expect(leaks(wat, exceptions)).toEqual(verdictBranches);
  });

  it("needs each exception", () => {
    for (const [list, names] of Object.entries(exceptions)) {
      for (const name of names) {
        const fewer = { ...exceptions, [list]: names.filter((other) => other !== name) };
        expect(leaks(wat, fewer), name).not.toEqual(verdictBranches);
      }
    }
  });

  it("has a fixed memory of at most 2 MiB, imports nothing and calls nothing indirectly", () => {
    const [, initial, maximum] = text.match(/\(memory \S+ (\d+) (\d+)\)/) ?? [];
    expect(initial).toBe(maximum);
    expect(Number(maximum) * 65_536).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(text).not.toMatch(/\(import |memory\.grow|call_indirect|call_ref|\(elem /);
  });

  it(`${build === "relaxed" ? "uses" : "does without"} relaxed SIMD`, () => {
    expect(/relaxed/.test(text)).toBe(build === "relaxed");
  });
});

describe("the analysis", () => {
  const none = { publicLoads: [], verdicts: [] };
  const check = (...lines: string[]) => leaks(parseWat(lines.join("\n")), none);
  const load = ["local.get $p", "i32.load"];

  it("finds a secret in a condition, an address and a division", () => {
    const found = check(
      "(func $a (param $p i32)",
      ...load,
      "if",
      "end",
      ")",
      "(func $b (param $p i32) (result i32)",
      ...load,
      "i32.load8_u",
      ")",
      "(func $c (param $p i32)",
      ...load,
      "local.get $p",
      "i32.store",
      ")",
      "(func $d (param $p i32) (result i32)",
      "i32.const 7",
      ...load,
      "i32.div_u",
      ")",
      "(func $e (param $p i32) (result i32)",
      "i32.const 1",
      "i32.const 2",
      ...load,
      "select",
      ")",
      "(func $f (param $p i32)",
      "local.get $p",
      "i32.const 0",
      ...load,
      "memory.fill",
      ")",
    );
    expect(found).toEqual(["$a: branch", "$b: address", "$c: address", "$d: division", "$e: branch", "$f: address"]);
  });

  it("follows it through locals, calls, results, globals and blocks", () => {
    const found = check(
      "(func $callee (param $x i32)",
      "local.get $x",
      "if",
      "end",
      ")",
      "(func $caller (param $p i32)",
      ...load,
      "i32.const 1",
      "i32.xor",
      "call $callee",
      ")",
      "(func $source (param $p i32) (result i32)",
      ...load,
      ")",
      "(func $user (param $p i32) (local $l i32)",
      "local.get $p",
      "call $source",
      "local.tee $l",
      "if",
      "end",
      ")",
      "(func $writer (param $p i32)",
      ...load,
      "global.set $g",
      ")",
      "(func $reader",
      "global.get $g",
      "if",
      "end",
      ")",
      "(func $block (param $p i32)",
      "local.get $p",
      "if (result i32)",
      ...load,
      "else",
      "i32.const 0",
      "end",
      "if",
      "end",
      ")",
    );
    expect(found).toEqual(["$block: branch", "$callee: branch", "$reader: branch", "$user: branch", "$writer: global"]);
  });

  it("follows it around a loop, and forgets it where a local is overwritten", () => {
    const found = check(
      "(func $loop (param $p i32) (param $q i32)",
      "loop $again",
      "local.get $q",
      "if",
      "end",
      ...load,
      "local.set $q",
      "local.get $p",
      "br_if $again",
      "end",
      ")",
      "(func $reuse (param $p i32) (param $q i32)",
      ...load,
      "local.set $q",
      "i32.const 1",
      "local.set $q",
      "local.get $q",
      "if",
      "end",
      ")",
    );
    expect(found).toEqual(["$loop: branch"]);
  });

  it("stops at what it does not know", () => {
    expect(() => check("(func $a", "i32.const 1", "i32.mystery", "drop", ")")).toThrow("i32.mystery");
  });
});
