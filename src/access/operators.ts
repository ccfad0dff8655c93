import { fromBase64, hex } from "../base/bytes.ts";
import type { ConditionContext } from "./authorizer.ts";
import { contains, parseAddress, parseNetwork } from "./ip.ts";
import { malformed, type Place } from "./malformed.ts";
import { compilePattern } from "./pattern.ts";

/** Whether a value of the request matches one of the policy's values. */
export type Test = (value: string, context: ConditionContext) => boolean;

/** How the values of a policy compile into a test. */
type Comparison = (values: readonly string[], variables: boolean, place: Place) => Test;

export interface Operator {
  readonly compare: Comparison;
  /** The condition holds when the test does not. */
  readonly negated: boolean;
}

const strings =
  (ignoreCase: boolean, wildcards: boolean): Comparison =>
  (values, variables, place) => {
    const patterns = values.map((value) => compilePattern(value, { ignoreCase, wildcards, variables }, place));
    const literals = new Set(patterns.map(({ literal }) => literal));
    if (literals.has(undefined)) return (value, context) => patterns.some((pattern) => pattern.matches(value, context));
    return ignoreCase ? (value) => literals.has(value.toLowerCase()) : (value) => literals.has(value);
  };

/** Values that compile by `parse` and are compared by `holds`; a request value that does not parse matches nothing. */
const parsed =
  <T, P = T>(
    kind: "address" | "binary" | "boolean" | "date" | "number",
    parse: (text: string) => T | undefined,
    parsePolicy: (text: string) => P | undefined,
    holds: (value: T, limit: P) => boolean,
  ): Comparison =>
  (values, _variables, place) => {
    const limits = values.map((value) => parsePolicy(value) ?? malformed(place, kind));
    return (text) => {
      const value = parse(text);
      return value !== undefined && limits.some((limit) => holds(value, limit));
    };
  };

const number = (text: string): number | undefined =>
  /^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined;

/** W3C's profile of ISO 8601, or seconds since the epoch; four digits are a year. Milliseconds. */
function date(text: string): number | undefined {
  if (/^\d{5,12}(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const parts = /^\d{4}(?:-(\d\d)(?:-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?)?)?$/.exec(text);
  const time = parts ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return undefined;
  const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), Number(parts?.[1] ?? 1), 0)).getUTCDate();
  return Number(parts?.[2] ?? 1) <= lastDay ? time : undefined;
}

const boolean = (text: string): string | undefined => (/^(true|false)$/i.test(text) ? text.toLowerCase() : undefined);

const binary = (text: string): string | undefined => {
  const bytes = fromBase64(text);
  return bytes && hex(bytes);
};

type Order = (value: number, limit: number) => boolean;
const equal = <T>(value: T, limit: T): boolean => value === limit;
const numeric = (order: Order): Comparison => parsed("number", number, number, order);
const dated = (order: Order): Comparison => parsed("date", date, date, order);

const address: Comparison = parsed("address", parseAddress, parseNetwork, (value, network) => contains(network, value));

/** Component by component: a wildcard does not reach over a colon, except in the sixth component. */
const arn: Comparison = (values, variables, place) => {
  const arns = values.map((value) => {
    const parts = arnComponents(value) ?? malformed(place, "arn");
    return parts.map((part) => compilePattern(part, { ignoreCase: false, wildcards: true, variables }, place));
  });
  return (value, context) => {
    const parts = arnComponents(value);
    return parts !== undefined && arns.some((patterns) => patterns.every((p, i) => p.matches(parts[i] ?? "", context)));
  };
};

/** Colons inside of `${…}` do not count. */
function arnComponents(text: string): readonly string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length && parts.length < 5; i++) {
    if (text.startsWith("${", i)) i = Math.max(i, text.indexOf("}", i));
    else if (text[i] === ":") {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return parts.length === 5 ? [...parts, text.slice(start)] : undefined;
}

const plain = (compare: Comparison): Operator => ({ compare, negated: false });
const not = (compare: Comparison): Operator => ({ compare, negated: true });

const ordered = (kind: string, compare: (order: Order) => Comparison): [string, Operator][] => [
  [`${kind}Equals`, plain(compare(equal))],
  [`${kind}NotEquals`, not(compare(equal))],
  [`${kind}LessThan`, plain(compare((value, limit) => value < limit))],
  [`${kind}LessThanEquals`, plain(compare((value, limit) => value <= limit))],
  [`${kind}GreaterThan`, plain(compare((value, limit) => value > limit))],
  [`${kind}GreaterThanEquals`, plain(compare((value, limit) => value >= limit))],
];

/** IAM User Guide, "IAM JSON policy elements: Condition operators"; all but `Null`. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ["StringEquals", plain(strings(false, false))],
  ["StringNotEquals", not(strings(false, false))],
  ["StringEqualsIgnoreCase", plain(strings(true, false))],
  ["StringNotEqualsIgnoreCase", not(strings(true, false))],
  ["StringLike", plain(strings(false, true))],
  ["StringNotLike", not(strings(false, true))],
  ...ordered("Numeric", numeric),
  ...ordered("Date", dated),
  ["Bool", plain(parsed("boolean", boolean, boolean, equal))],
  ["BinaryEquals", plain(parsed("binary", binary, binary, equal))],
  ["IpAddress", plain(address)],
  ["NotIpAddress", not(address)],
  ["ArnEquals", plain(arn)],
  ["ArnLike", plain(arn)],
  ["ArnNotEquals", not(arn)],
  ["ArnNotLike", not(arn)],
]);
