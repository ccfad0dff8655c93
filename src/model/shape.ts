import { type Bytes, fromBase64 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { type MessageName, part } from "../base/message.ts";

/**
 * The shape of a request: its type, its constraints, and what of it an audit event may show.
 * A value of the wrong JSON type is a SerializationException; broken constraints are collected into one
 * ValidationException with the texts and paths of AWS ("1 validation error detected: Value at 'plaintext' failed to
 * satisfy constraint: Member must have length less than or equal to 4096"). Values are quoted only where they can be
 * no secret: numbers, and short words where an enumeration was expected.
 */
export interface Shape<T> {
  read(value: unknown, path: string, problems: string[]): T;
  /** What the audit log shows; undefined when it shows nothing. */
  audit(value: T): unknown;
  /** A message does not even say that the value is null. */
  readonly sensitive?: true;
}

export interface Optional<T> extends Shape<T> {
  readonly optional: true;
}

export interface Structure<T> extends Shape<T> {
  readonly members: Members;
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;
type OptionalNames<M> = { [K in keyof M]: M[K] extends { optional: true } ? K : never }[keyof M];
type StructureOf<M> = { readonly [K in Exclude<keyof M, OptionalNames<M>>]: TypeOf<M[K]> } & {
  readonly [K in OptionalNames<M>]?: TypeOf<M[K]>;
};

interface Length {
  readonly min?: number;
  readonly max?: number;
}

function checkLength(length: number, { min = 0, max = Infinity }: Length, path: string, problems: string[]): void {
  if (length < min) problems.push(part("short", { path, min }));
  if (length > max) problems.push(part("long", { path, max }));
}

type Expected = Exclude<MessageName<"SerializationException">, `body${string}`>;

function wrongType(path: string, expected: Expected): never {
  throw new KmsError("SerializationException", expected, { path });
}

const show = (value: unknown): unknown => value;
const hide = (): undefined => undefined;

export function string(limits: Length & { pattern?: RegExp } = {}): Shape<string> {
  return {
    read(value, path, problems) {
      if (typeof value !== "string") wrongType(path, "string");
      if (!value.isWellFormed()) wrongType(path, "unicode");
      checkLength(value.length, limits, path, problems);
      if (limits.pattern && !limits.pattern.test(value)) {
        problems.push(part("pattern", { path, pattern: limits.pattern.source }));
      }
      return value;
    },
    audit: show,
  };
}

/** `listed`: the set in the order in which AWS lists it, where that is another. */
export function enumeration<const T extends readonly string[]>(
  known: T,
  listed: readonly T[number][] = known,
): Shape<T[number]> {
  return {
    read(value, path, problems) {
      if (typeof value !== "string") wrongType(path, "string");
      if (!known.includes(value)) {
        const shown = /^\w{1,64}$/.test(value) ? ` '${value}'` : "";
        problems.push(part("enumeration", { path, shown, values: listed.join(", ") }));
      }
      return value as T[number];
    },
    audit: show,
  };
}

export function integer({ min, max }: { min: number; max: number }): Shape<number> {
  return {
    read(value, path, problems) {
      if (typeof value !== "number" || !Number.isInteger(value)) wrongType(path, "integer");
      if (value < min) problems.push(part("least", { path, value, min }));
      if (value > max) problems.push(part("greatest", { path, value, max }));
      return value;
    },
    audit: show,
  };
}

export const boolean: Shape<boolean> = {
  read(value, path) {
    if (typeof value !== "boolean") wrongType(path, "boolean");
    return value;
  },
  audit: show,
};

/** Seconds since the epoch, with or without a fraction; answered in milliseconds. */
export const timestamp: Shape<number> = {
  read(value, path) {
    const time = typeof value === "number" ? Math.round(value * 1000) : Number.NaN;
    if (Number.isNaN(new Date(time).getTime())) wrongType(path, "timestamp");
    return time;
  },
  audit: (time) => new Date(time).toISOString(),
};

/** Base64 text, standard and padded. Never audited. */
export function blob(limits: Length): Shape<Bytes> {
  return {
    read(value, path, problems) {
      if (typeof value !== "string") wrongType(path, "blob");
      const bytes = fromBase64(value);
      if (!bytes) wrongType(path, "base64");
      checkLength(bytes.length, limits, path, problems);
      return bytes;
    },
    audit: hide,
  };
}

export function list<T>(member: Shape<T>, limits: Length = {}): Shape<readonly T[]> {
  return {
    read(value, path, problems) {
      if (!Array.isArray(value)) wrongType(path, "list");
      checkLength(value.length, limits, path, problems);
      return value.map((item, index) => member.read(item, `${path}.${index + 1}.member`, problems));
    },
    audit: (value) => value.map((item) => member.audit(item)),
  };
}

export function stringMap(limits: Length = {}): Shape<Readonly<Record<string, string>>> {
  const text = string();
  return {
    read(value, path, problems) {
      if (!isObject(value)) wrongType(path, "map");
      const keys = Object.keys(value);
      checkLength(keys.length, limits, path, problems);
      for (const key of keys) {
        text.read(key, path, problems);
        text.read(value[key], path, problems);
      }
      // The object that JSON.parse has made, not a copy: there `__proto__` is a key like any other.
      return value as Record<string, string>;
    },
    audit: show,
  };
}

export function structure<M extends Members>(members: M): Structure<StructureOf<M>> {
  const known = Object.entries(members).map(([name, shape]) => ({
    name,
    shape,
    place: lowerCamel(name),
    needed: !("optional" in shape),
  }));
  return {
    members,
    read(value, path, problems) {
      if (!isObject(value)) wrongType(path || "request", "structure");
      for (const name of Object.keys(value)) {
        if (!Object.hasOwn(members, name)) problems.push(part("unknown", { name: printable(name) }));
      }
      const result: Record<string, unknown> = {};
      for (const { name, shape, place, needed } of known) {
        const item = Object.hasOwn(value, name) ? value[name] : undefined;
        if (item !== undefined && item !== null) result[name] = shape.read(item, within(path, place), problems);
        else if (needed)
          problems.push(part(shape.sensitive ? "missingSensitive" : "missing", { path: within(path, place) }));
      }
      return result as StructureOf<M>;
    },
    audit(value) {
      const shown: Record<string, unknown> = {};
      for (const { name, shape, place } of known) {
        const item = (value as Record<string, unknown>)[name];
        const text = item === undefined ? undefined : shape.audit(item);
        if (text !== undefined) shown[place] = text;
      }
      return shown;
    },
  };
}

export const optional = <T>(shape: Shape<T>): Optional<T> => ({ ...shape, optional: true });

/** Never audited: grant tokens, and what could be a secret. */
export const unaudited = <T>(shape: Shape<T>): Shape<T> => ({ ...shape, audit: hide });

/** What the API's model marks as such. */
export const sensitive = <T>(shape: Shape<T>): Shape<T> => ({ ...unaudited(shape), sensitive: true });

/** Reads a whole request. Throws a ValidationException with every broken constraint. */
export function readRequest<T>(shape: Shape<T>, value: unknown): T {
  const problems: string[] = [];
  const result = shape.read(value, "", problems);
  if (problems.length > 0) {
    const [count, parts] = [problems.length, problems.join("; ")];
    if (count === 1) throw new KmsError("ValidationException", "constraint", { parts });
    throw new KmsError("ValidationException", "constraints", { count, parts });
  }
  return result;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const within = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

const lowerCamel = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64);
