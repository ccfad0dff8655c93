import { base64 } from "../base/bytes.ts";
import { wipe } from "../base/secret.ts";
import { secretMembers } from "../operations/operation.ts";

/**
 * The response as JSON text: octets in base64, dates in seconds since the epoch with a fraction, absent members left
 * out. Secret octets belong to the wire: they are wiped here, and live on in the text alone, which cannot be.
 */
export function toJson(response: Readonly<Record<string, unknown>>): string {
  try {
    return object(response);
  } finally {
    for (const name of secretMembers) {
      const value = response[name];
      if (value instanceof Uint8Array) wipe(value);
    }
  }
}

// Text is put together directly: a converted copy for JSON.stringify would lose a map's member named `__proto__`.
function object(value: object): string {
  let text = "";
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (member !== undefined && member !== null) text += `${text && ","}${string(name)}:${json(member)}`;
  }
  return `{${text}}`;
}

/** Most strings need no escape: names, identifiers, ARNs. */
const string = (value: string): string => (/^[\w :/.,@-]*$/.test(value) ? `"${value}"` : JSON.stringify(value));

function json(value: unknown): string {
  if (value instanceof Uint8Array) return `"${base64(value)}"`;
  if (value instanceof Date) return number(value.getTime() / 1000);
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  switch (typeof value) {
    case "string":
      return string(value);
    case "number":
      return number(value);
    case "boolean":
      return String(value);
    case "object":
      if (value !== null) return object(value);
  }
  throw new TypeError("a response holds a value that JSON cannot");
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError("a response holds a number that JSON cannot");
  return String(value);
}
