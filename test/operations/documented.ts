import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as client from "@aws-sdk/client-kms";
import { expect } from "vitest";

/*
 * What the newest client says of the API. Its schemas are `[kind, namespace, name, traits, members, types, required]` for
 * structures, whose required members come first, `[0, 1 or 2, namespace, name, traits, …, item]` for simple types, lists and maps, and
 * numbers for the rest: 0 text, 1 number, 2 boolean, 4 timestamp, 21 blob, 64 | n a list of n, 128 | n a map to n. Any may
 * stand behind a function.
 */
export type Structure = readonly [3, string, string, unknown, readonly string[], readonly unknown[], number?];
type Operation = readonly [9, string, string, unknown, () => Structure, () => Structure];

const exported = new Map<string, unknown>(Object.entries(client));

export const documentedOperations: readonly string[] = [...exported.keys()]
  .filter((name) => /^[A-Z].*Command$/.test(name) && name !== "$Command")
  .map((name) => name.replace(/Command$/, ""));

const operation = (name: string): Operation => exported.get(`${name}$`) as Operation;
export const requestOf = (name: string): Structure => resolved(operation(name)[4]) as Structure;
const responseOf = (name: string): Structure => resolved(operation(name)[5]) as Structure;

/** Every enumeration of the API by name. */
export const documentedEnums: ReadonlyMap<string, readonly string[]> = new Map(
  [...exported].flatMap(([name, values]): [string, string[]][] => {
    const pairs = typeof values === "object" && values !== null && !Array.isArray(values) ? Object.entries(values) : [];
    return pairs.length > 0 && pairs.every(([key, value]) => key === value || typeof value === "string")
      ? [[name, pairs.map(([, value]) => value as string)]]
      : [];
  }),
);

const commands = join(
  dirname(createRequire(import.meta.url).resolve("@aws-sdk/client-kms/package.json")),
  "dist-types/commands",
);

/** Of the client's documentation; the service's own base class is none. */
export function documentedErrors(name: string): readonly string[] {
  const text = readFileSync(join(commands, `${name}Command.d.ts`), "utf8");
  const named = [...text.matchAll(/@throws \{@link (\w+)\}/g)].map(([, error]) => error as string);
  return named.filter((error) => error !== "KMSServiceException");
}

/** AWS KMS API Reference, "Common Errors". */
const common = ["AccessDeniedException", "SerializationException", "ThrottlingException", "ValidationException"];

/** Fails unless the error is one that the operation documents, or that every operation may answer. */
export function expectDocumented(name: string, code: string): void {
  expect([...documentedErrors(name), ...common], `${name} answered ${code}`).toContain(code);
}

/** Fails unless an answer has members that the client knows, each of its type. */
export function expectAnswer(name: string, answer: unknown): void {
  const schema = responseOf(name);
  if (answer !== undefined) expectType(name, schema, answer);
  // A response without members is a name.
  else expect(typeof schema, `${name} has no body`).toBe("string");
}

function expectType(place: string, schema: unknown, value: unknown): void {
  const type = resolved(schema);
  if (typeof type === "number") {
    expectSimple(place, type, value);
  } else if ((type as Structure)[0] === 3) {
    expectStructure(place, type as Structure, value as object);
  } else {
    const [kind, ...rest] = type as readonly unknown[];
    const items = kind === 0 ? [value] : Object.values(value as object);
    for (const item of items) expectType(`${place}[]`, rest.at(-1), item);
  }
}

function expectStructure(place: string, [, , , , names, types]: Structure, value: object): void {
  for (const [name, member] of Object.entries(value)) {
    expect(names, `members of ${place}`).toContain(name);
    if (member !== undefined) expectType(`${place}.${name}`, types[names.indexOf(name)], member);
  }
}

function expectSimple(place: string, type: number, value: unknown): void {
  if (type >= 64) for (const item of Object.values(value as object)) expectSimple(`${place}[]`, type & 63, item);
  else if (type === 4) expect(value, place).toBeInstanceOf(Date);
  else if (type === 21) expect(value, place).toBeInstanceOf(Uint8Array);
  else expect(typeof value, place).toBe({ 0: "string", 1: "number", 2: "boolean" }[type]);
}

/** Without the function, and without the pair with traits of a member, that it stands behind. */
function resolved(schema: unknown): unknown {
  if (typeof schema === "function") return resolved(schema());
  return Array.isArray(schema) && typeof schema[0] !== "number" ? resolved(schema[0]) : schema;
}
