import { fstatSync, readSync } from "node:fs";
import { AuditError } from "../base/errors.ts";
import { ChainWalk, genesis, parseLine, splitLines } from "./chain.ts";

/** Where a chain file ends. */
export interface ChainEnd {
  readonly sequence: number;
  readonly head: string;
  /** Bytes after the last newline. */
  readonly unfinished: number;
  /** The last line is torn: a ChainResumed must follow. */
  readonly torn: boolean;
}

/** Holds the longest events, whose members are bounded before JSON escapes them. */
const tailLength = 4 << 20;

/** Walks the last 4 MiB. AuditError when it is not the end of the chain `id`: nothing may be appended to it then. */
export function readEnd(descriptor: number, path: string, id: string): ChainEnd {
  const { lines, rest, whole } = readTail(descriptor, tailLength);
  const walk = new ChainWalk(id, whole ? "start" : "middle");
  const unfinished = rest.length;
  for (const [index, line] of (unfinished > 0 ? [...lines, rest] : lines).entries()) {
    const what = walk.step(line);
    if (what) {
      throw new AuditError(
        `${path} is not intact: line ${index + 1} of its last ${lines.length}: ${what}. ` +
          "Keep the file as evidence under another name; a new chain begins where there is none",
      );
    }
  }
  if (walk.sequence === undefined) throw new AuditError(`${path} has no event in its last ${tailLength} bytes`);
  return { sequence: walk.sequence, head: walk.head ?? genesis, unfinished, torn: walk.torn || unfinished > 0 };
}

/** The ids of the events whose sequence is greater than `sequence`. */
export function eventIdsAfter(descriptor: number, sequence: number): Set<string> {
  for (let length = tailLength; ; length *= 4) {
    const { lines, whole } = readTail(descriptor, length);
    const events = lines.map(parseLine).filter((line) => line !== undefined);
    if (whole || (events[0]?.sequence ?? Infinity) <= sequence + 1) {
      return new Set(events.filter((event) => event.sequence > sequence).map(({ eventID }) => eventID));
    }
  }
}

/** Whole lines out of the last `length` bytes, what follows them, and whether that is the whole file. */
function readTail(descriptor: number, length: number) {
  const { size } = fstatSync(descriptor);
  const start = Math.max(0, size - length);
  const bytes = new Uint8Array(size - start);
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(descriptor, bytes, at, bytes.length - at, start + at);
    if (read === 0) break;
    at += read;
  }
  const { lines, rest } = splitLines(bytes);
  return { lines: start === 0 ? lines : lines.slice(1), rest, whole: start === 0 };
}
