import { KmsError } from "../base/errors.ts";
import type { Message, MessageName, MessageValues } from "../base/message.ts";

/** Where in a policy document something stands: `Statement 2, Condition`. */
export type Place = string;

type Malformed = "MalformedPolicyDocumentException";
type Why = Exclude<MessageName<Malformed>, "lockout" | "principal">;

export function malformed<N extends Why>(
  place: Place,
  why: N,
  values?: Omit<MessageValues<Malformed, N>, "place">,
): never;
export function malformed(place: Place, why: Why, values = {}): never {
  throw new KmsError(...(["MalformedPolicyDocumentException", why, { place, ...values }] as unknown as Message));
}

/** A name out of a document, fit for a message. */
export const shown = (name: string): string => `"${name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64)}"`;

export function objectAt(value: unknown, place: Place): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) malformed(place, "object");
  return value as Record<string, unknown>;
}

/** A string, or a list of at least one. */
export function stringsAt(value: unknown, place: Place): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) malformed(place, "empty");
  for (const item of list) {
    if (typeof item !== "string" || item === "") malformed(place, "strings");
  }
  return list as readonly string[];
}

export function refuseUnknownMembers(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  place: Place,
): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) malformed(place, "unknownElement", { name: shown(unknown) });
}
