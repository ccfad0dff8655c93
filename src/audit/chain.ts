import { hash } from "node:crypto";
import type { AuditEvent } from "./audit.ts";

/**
 * One event is one line: a CloudTrail record and, as its last member, its place in the chain.
 * `previous` is the SHA-256 of the line before, without its newline; sequences count from 1.
 */
export interface Link {
  readonly id: string;
  readonly sequence: number;
  readonly previous: string;
}

/** `previous` of the first line. */
export const genesis = "0".repeat(64);

export const hashLine = (line: Uint8Array): string => hash("sha256", line, "hex");

/** What takes the place of the record's closing brace. */
export const linkMember = ({ id, sequence, previous }: Link): string =>
  `,"chain":{"id":"${id}","sequence":${sequence},"previous":"${previous}"}}`;

export interface ParsedLine extends Link {
  readonly eventName: string;
  readonly eventID: string;
}

/** undefined: not an event of a chain. */
export function parseLine(line: Uint8Array): ParsedLine | undefined {
  try {
    const { eventName, eventID, chain } = JSON.parse(decoder.decode(line)) as Partial<AuditEvent> & {
      chain?: Partial<Link>;
    };
    const { id, sequence, previous } = chain ?? {};
    const typed =
      typeof eventName === "string" &&
      typeof eventID === "string" &&
      typeof id === "string" &&
      typeof previous === "string";
    return typed && Number.isSafeInteger(sequence)
      ? { eventName, eventID, id, sequence: sequence as number, previous }
      : undefined;
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The name of the event that follows a line which a crash has torn. */
export const chainResumed = "ChainResumed";

/** Goes along a chain, line by line. */
export class ChainWalk {
  /** SHA-256 of the last line; undefined before the first of a walk that begins in the middle. */
  head: string | undefined;
  /** Of the last event; undefined likewise. */
  sequence: number | undefined;
  /** The last line is no event: only a ChainResumed may follow. */
  torn = false;
  lines = 0;
  resumptions = 0;
  readonly #id: string;

  /** `from` "start" takes nothing but a first line; "middle" takes any event as the first. */
  constructor(id: string, from: "start" | "middle") {
    this.#id = id;
    if (from === "start") {
      this.head = genesis;
      this.sequence = 0;
    }
  }

  /** What is wrong with the next line; undefined: nothing. */
  step(line: Uint8Array): string | undefined {
    const parsed = parseLine(line);
    const problem = parsed ? this.#check(parsed) : this.torn ? "two lines in a row are no events" : undefined;
    if (problem) return problem;
    this.lines += 1;
    this.head = hashLine(line);
    this.torn = !parsed;
    if (parsed) {
      this.sequence = parsed.sequence;
      if (parsed.eventName === chainResumed) this.resumptions += 1;
    }
    return undefined;
  }

  #check({ id, sequence, previous, eventName }: ParsedLine): string | undefined {
    if (id !== this.#id) return `it is of the chain ${id.slice(0, 64)}`;
    if (this.torn && eventName !== chainResumed)
      return "the line before it is no event, and it does not resume the chain";
    if (this.head !== undefined && previous !== this.head) {
      return "it does not name the hash of the line before it: one of the two was changed, or lines are missing between them";
    }
    if (this.sequence !== undefined && sequence !== this.sequence + 1) {
      return `its sequence is ${sequence}, after ${this.sequence}`;
    }
    return undefined;
  }
}

/** Cuts at newlines. What follows the last one comes as `rest`. */
export function splitLines(bytes: Uint8Array): { lines: readonly Uint8Array[]; rest: Uint8Array } {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return { lines, rest: bytes.subarray(start) };
}

export const newline = 0x0a;
