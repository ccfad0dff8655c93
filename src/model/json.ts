import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";

/** The requests of the API nest four deep; this is for those to come. */
const maximumDepth = 32;

/** A byte order mark stays, and is then no JSON (RFC 8259 §8.1). */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a request body: one JSON object in UTF-8, an empty body being `{}`.
 * Refuses what `JSON.parse` accepts and two readers could understand differently: members of equal name, at any depth
 * and however escaped, and strings with lone surrogates.
 * @throws KmsError SerializationException
 */
export function readJsonObject(body: Bytes): Record<string, unknown> {
  if (body.length === 0) return {};
  const text = decode(body);
  const value = parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("must be a JSON object");
  refuseAmbiguity(text);
  return value as Record<string, unknown>;
}

function decode(body: Bytes): string {
  try {
    return decoder.decode(body);
  } catch {
    refuse("is not UTF-8");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the body.
    refuse("is not JSON");
  }
}

/** Walks the strings and brackets of `text`, which is known to be JSON. */
function refuseAmbiguity(text: string): void {
  /** The names seen in each open object; an open array has none. */
  const open: (Set<string> | undefined)[] = [];
  const hasEscapes = text.includes("\\");
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.length === maximumDepth) refuse("is nested too deeply");
        open.push(text[i] === "{" ? new Set() : undefined);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case 0x22: {
        const start = i;
        i = closingQuote(text, start);
        const isName = isFollowedByColon(text, i);
        if (!isName && !hasEscapes) break;
        const string = contentOf(text.slice(start, i + 1));
        if (isName) {
          const names = open.at(-1) as Set<string>;
          if (names.has(string)) refuse("has two members of the same name");
          names.add(string);
        }
      }
    }
  }
}

function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** Whether an odd number of backslashes stands before `index`. */
function isEscaped(text: string, index: number): boolean {
  let first = index;
  while (text.charCodeAt(first - 1) === 0x5c) first--;
  return (index - first) % 2 === 1;
}

function contentOf(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  const string: string = JSON.parse(quoted);
  if (!string.isWellFormed()) refuse("has a string that is not well-formed Unicode");
  return string;
}

/** In JSON, only the name of a member is followed by a colon. */
function isFollowedByColon(text: string, index: number): boolean {
  let next = index + 1;
  while (text.charCodeAt(next) <= 0x20) next++;
  return text.charCodeAt(next) === 0x3a;
}

function refuse(what: string): never {
  throw new KmsError("SerializationException", `The request body ${what}.`);
}
