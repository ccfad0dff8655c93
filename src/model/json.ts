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
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("bodyObject");
  // Of members of equal name JSON.parse keeps one: there are fewer of them then than names in the text.
  if (countNames(text) !== membersOf(value)) refuse("bodyNames");
  return value as Record<string, unknown>;
}

function decode(body: Bytes): string {
  try {
    return decoder.decode(body);
  } catch {
    refuse("bodyEncoding");
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The message of JSON.parse quotes the body.
    refuse("bodyJson");
  }
}

/**
 * JSON.parse, but right about names with escapes. V8 takes such a name for another one that stood in its place in a text
 * before (nodejs/node issue 63785): one caller could change how it reads another's encryption context. So they go
 * through it under stand-ins.
 * @throws SyntaxError; KmsError SerializationException when a text with escapes nests too deeply
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!text.includes("\\")) return value;
  let prefix = "~";
  while (text.includes(prefix)) prefix += "~";
  const names = new Map<string, string>();
  let [replaced, copied] = ["", 0];
  forEachName(text, (start, end) => {
    const name = text.slice(start, end);
    if (!name.includes("\\")) return;
    const standIn = `${prefix}${names.size}`;
    names.set(standIn, JSON.parse(name));
    replaced += `${text.slice(copied, start)}"${standIn}"`;
    copied = end;
  });
  return names.size === 0 ? value : renamed(JSON.parse(replaced + text.slice(copied)), names);
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, item]) => [names.get(name) ?? name, renamed(item, names)]);
  return Object.fromEntries(members);
}

function countNames(text: string): number {
  let count = 0;
  forEachName(text, () => {
    count++;
  });
  return count;
}

/** Shows where the names of members stand in `text`, with their quotes. It is known to be JSON. */
function forEachName(text: string, show: (start: number, end: number) => void): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > maximumDepth) refuse("bodyDepth");
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x22: {
        const start = i;
        i = closingQuote(text, start);
        if (isFollowedByColon(text, i)) show(start, i + 1);
      }
    }
  }
}

/** How many members the objects in `value` have. */
function membersOf(value: unknown): number {
  if (typeof value === "string") checkUnicode(value);
  if (typeof value !== "object" || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += membersOf(item);
  } else {
    for (const name of Object.keys(value)) {
      checkUnicode(name);
      members += 1 + membersOf((value as Record<string, unknown>)[name]);
    }
  }
  return members;
}

function checkUnicode(text: string): void {
  if (!text.isWellFormed()) refuse("bodyUnicode");
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

/** In JSON, only the name of a member is followed by a colon. */
function isFollowedByColon(text: string, index: number): boolean {
  let next = index + 1;
  while (text.charCodeAt(next) <= 0x20) next++;
  return text.charCodeAt(next) === 0x3a;
}

function refuse(what: "bodyDepth" | "bodyEncoding" | "bodyJson" | "bodyNames" | "bodyObject" | "bodyUnicode"): never {
  throw new KmsError("SerializationException", what);
}
