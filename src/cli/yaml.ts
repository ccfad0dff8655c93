import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { ConfigError } from "../base/errors.ts";

/** One place of a configuration file. */
export interface Place {
  /** undefined: the file does not have it. */
  readonly node: Node | undefined;
  /** The variable of the environment that overrides it, and its value if it is set. */
  readonly variable: string;
  readonly override: string | undefined;
  inside(name: string, node: Node | undefined): Place;
  /** Throws a ConfigError that names file, line and column. Never put a value into `problem`: it may be a secret. */
  refuse(problem: string, node?: Node): never;
}

/** What a place must hold. Throws a ConfigError when it does not. */
export type Reader<T> = (place: Place) => T;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `source` by `reader`. Every scalar is a string (YAML's failsafe schema): no octal accounts, no country that is
 * false. A place `a.bC` is overridden by the variable `<prefix>_A_B_C` when that is set and not empty.
 */
export function readYaml<T>(
  file: string,
  source: string,
  reader: Reader<T>,
  prefix: string,
  environment: Environment,
): T {
  const lines = new LineCounter();
  const refuse = (offset: number, problem: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new ConfigError(`${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${problem}`);
  };
  const place = (path: readonly string[], node: Node | undefined, outer: Node | undefined): Place => {
    const variable = [
      prefix,
      ...path.map((name) => name.replace(/[A-Z]/g, "_$&").replaceAll("-", "_").toUpperCase()),
    ].join("_");
    return {
      node,
      variable,
      override: environment[variable] || undefined,
      inside: (name, inner) => place([...path, name], inner, node ?? outer),
      refuse: (problem, at = node ?? outer) => refuse(at?.range?.[0] ?? 0, [path.join("."), problem].join(" ").trim()),
    };
  };
  const document = parseDocument(source, {
    lineCounter: lines,
    schema: "failsafe",
    prettyErrors: false,
    stringKeys: true,
  });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) return refuse(broken.pos[0], `not YAML that is understood here (${broken.code})`);
  return reader(place([], document.contents ?? undefined, undefined));
}

type Fields = Readonly<Record<string, Reader<unknown>>>;
type OptionalNames<F extends Fields> = { [K in keyof F]: undefined extends ReturnType<F[K]> ? K : never }[keyof F];
type Read<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalNames<F>>]: ReturnType<F[K]> } & {
  readonly [K in OptionalNames<F>]?: Exclude<ReturnType<F[K]>, undefined>;
};

/** A frozen object of `fields`, other names refused. A mapping that is missing has no names. */
export const mapping =
  <F extends Fields>(fields: F): Reader<Read<F>> =>
  (place) => {
    const inner = entries(place, Object.keys(fields));
    const values = Object.entries(fields).map(([name, reader]) => [name, reader(place.inside(name, inner.get(name)))]);
    return Object.freeze(Object.fromEntries(values.filter(([, value]) => value !== undefined)));
  };

/** A frozen object of strings by any names, without overrides. */
export const strings: Reader<Readonly<Record<string, string>>> = (place) => {
  const values = [...entries(place)].map(([name, node]) => [name, scalar(place.inside(name, node))]);
  return Object.freeze(Object.fromEntries(values));
};

/** A frozen object of what `reader` reads, by names that `test` takes; `what` says what they must be. */
export const table =
  <T>(what: string, test: (name: string) => boolean, reader: Reader<T>): Reader<Readonly<Record<string, T>>> =>
  (place) => {
    const values = [...entries(place)].map(([name, node]) => {
      if (!test(name)) place.refuse(`has a name that is not ${what}`, node);
      return [name, reader(place.inside(name, node))] as const;
    });
    return Object.freeze(Object.fromEntries(values));
  };

/** What stands in a mapping by name. `known` absent: any names. */
export function entries(place: Place, known?: readonly string[]): Map<string, Node> {
  const { node } = place;
  if (node === undefined || (isScalar(node) && node.value === "")) return new Map();
  if (!isMap<Node, Node>(node)) return place.refuse("is not a mapping");
  return new Map(
    node.items.map(({ key, value }) => {
      const name = isScalar<string>(key) ? key.value : place.refuse("has a name that is not a string", key);
      if (known?.includes(name) === false) {
        place.refuse(`has a name that is not known; known are ${known.join(", ")}`, key);
      }
      return [name, value ?? key];
    }),
  );
}

/** A string that `parse` understands; `what` says what it must be. */
export const text =
  <T>(what: string, parse: (value: string) => T | undefined): Reader<T> =>
  (place) =>
    place.override === undefined ? fixed(what, parse)(place) : (parse(place.override) ?? refuseVariable(place, what));

/** A whole number from 1 to `most`. */
export const number = (what: string, most: number): Reader<number> =>
  text(`${what}, 1 to ${most}`, (value) => {
    const number = Number(value);
    return /^\d{1,10}$/.test(value) && number >= 1 && number <= most ? number : undefined;
  });

/** As `text`, without an override: a reference to a secret may well name the variable that would override it. */
export const fixed =
  <T>(what: string, parse: (value: string) => T | undefined): Reader<T> =>
  (place) =>
    parse(scalar(place)) ?? place.refuse(`is not ${what}`);

/** A frozen sequence of at least one item; in the variable items are apart by commas. */
export const list =
  <T>(what: string, parse: (value: string) => T | undefined): Reader<readonly T[]> =>
  (place) => {
    const { node, override } = place;
    if (override !== undefined) {
      return Object.freeze(override.split(",").map((item) => parse(item.trim()) ?? refuseVariable(place, what)));
    }
    if (node === undefined) return place.refuse("is missing");
    if (!isSeq<Node>(node) || node.items.length === 0) return place.refuse("is not a list of one or more");
    return Object.freeze(node.items.map((item, i) => fixed(what, parse)(place.inside(`${i + 1}`, item))));
  };

function scalar({ node, refuse }: Place): string {
  if (node === undefined) return refuse("is missing");
  return isScalar<string>(node) && node.value !== "" ? node.value : refuse("is not a string");
}

function refuseVariable({ variable }: Place, what: string): never {
  throw new ConfigError(`${variable} is not ${what}`);
}

export const optional =
  <T>(reader: Reader<T>): Reader<T | undefined> =>
  (place) =>
    place.node === undefined && place.override === undefined ? undefined : reader(place);

export const withDefault =
  <T>(reader: Reader<T>, value: T): Reader<T> =>
  (place) =>
    optional(reader)(place) ?? value;
