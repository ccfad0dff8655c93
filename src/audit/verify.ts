import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { concat } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { ChainWalk, splitLines } from "./chain.ts";

export interface ChainReport {
  readonly lines: number;
  /** Of the last event. */
  readonly sequence: number;
  /** SHA-256 of the last line, hexadecimal: whoever keeps it elsewhere can tell later whether the file was cut. */
  readonly head: string;
  /** How often the chain went on after a crash. */
  readonly resumptions: number;
  /** Bytes after the last newline: being written now, or torn by a crash. */
  readonly unfinished: number;
  /** The first line that does not belong where it stands, counted from 1; absent when the chain is whole. */
  readonly problem?: { readonly line: number; readonly what: string };
}

/** Longer than any event can be. */
const longestLine = 4 << 20;

/**
 * Walks the chain in `file` from its first line. Finds every change, removal and insertion but two: lines cut off at the
 * end, and a chain that somebody has calculated anew from the changed line on. Against both, compare `sequence` and
 * `head` with ones that were kept elsewhere. ConfigError when the file cannot be read.
 */
export async function verifyChain(file: string): Promise<ChainReport> {
  const walk = new ChainWalk(basename(file, ".jsonl"), "start");
  const report = (unfinished: number) => ({
    lines: walk.lines,
    sequence: walk.sequence ?? 0,
    head: walk.head ?? "",
    resumptions: walk.resumptions,
    unfinished,
  });
  let carry: Uint8Array = new Uint8Array();
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: longestLine })) {
      const { lines, rest } = splitLines(concat(carry, chunk as Uint8Array));
      for (const line of lines) {
        const what = walk.step(line);
        if (what) return { ...report(0), problem: { line: walk.lines + 1, what } };
      }
      carry = rest;
      if (carry.length > longestLine) {
        return { ...report(carry.length), problem: { line: walk.lines + 1, what: "it is longer than any event" } };
      }
    }
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read`, { cause });
  }
  return report(carry.length);
}
