import type { ConditionContext } from "./authorizer.ts";
import { type ConditionKey, conditionKey } from "./condition-keys.ts";
import { malformed, objectAt, type Place, shown } from "./malformed.ts";
import { operators, type Test } from "./operators.ts";

/** One operator on one key. All conditions of a statement must hold. */
export interface Condition {
  readonly key: string;
  /** The outcome when the request does not have the key. */
  readonly absent: boolean;
  /** Which of the request's values must pass. */
  readonly quantifier: "every" | "some";
  readonly negated: boolean;
  readonly test: Test;
}

export function holds({ key, absent, quantifier, negated, test }: Condition, context: ConditionContext): boolean {
  const value = context.get(key);
  if (typeof value === "string") return test(value, context) !== negated;
  if (value === undefined || value.length === 0) return absent;
  return value[quantifier]((item) => test(item, context) !== negated);
}

/** What the statement around a condition says. */
export interface Surroundings {
  readonly effect: "Allow" | "Deny";
  readonly kind: "key" | "identity";
  /** Policy variables, since version 2012-10-17. */
  readonly variables: boolean;
}

export function compileConditions(block: unknown, surroundings: Surroundings, place: Place): readonly Condition[] {
  return Object.entries(objectAt(block, place)).flatMap(([operator, keys]) => {
    const parsed = parseOperator(operator) ?? malformed(place, "unknownOperator", { name: shown(operator) });
    const entries = Object.entries(objectAt(keys, `${place} ${operator}`));
    if (entries.length === 0) malformed(`${place} ${operator}`, "noConditionKey");
    return entries.map(([name, values]) => compileOne(parsed, name, values, surroundings, `${place} ${operator}`));
  });
}

interface ParsedOperator {
  readonly set: "ForAllValues" | "ForAnyValue" | undefined;
  readonly name: string;
  readonly ifExists: boolean;
}

/** `ForAnyValue:StringLikeIfExists`. */
function parseOperator(text: string): ParsedOperator | undefined {
  if (text === "Null") return { set: undefined, name: text, ifExists: false };
  const set = (["ForAllValues", "ForAnyValue"] as const).find((prefix) => text.startsWith(`${prefix}:`));
  const rest = set ? text.slice(set.length + 1) : text;
  const ifExists = rest.endsWith("IfExists");
  const name = ifExists ? rest.slice(0, -"IfExists".length) : rest;
  return operators.has(name) ? { set, name, ifExists } : undefined;
}

function compileOne(
  { set, name, ifExists }: ParsedOperator,
  keyName: string,
  given: unknown,
  surroundings: Surroundings,
  place: Place,
): Condition {
  const key = conditionKey(keyName) ?? malformed(place, "unknownConditionKey", { name: shown(keyName) });
  const at = `${place} ${shown(keyName)}`;
  if (key.identityOnly && surroundings.kind === "key") malformed(at, "identityOnly");
  const values = valuesAt(given, at);
  const operator = operators.get(name);
  if (!operator) return nullCheck(key, values, at);
  if (set === "ForAllValues" && key.perRequest) {
    malformed(at, "forAllValues");
  }
  if (!set && key.multiValued) malformed(at, "multiValued");
  return {
    key: key.name,
    absent: ifExists || (set ? set === "ForAllValues" : operator.negated),
    // Two names of an encryption context that differ in case are one key of two values: whichever is asked, an Allow
    // must fit both and a Deny needs one.
    quantifier: (set ? set === "ForAllValues" : surroundings.effect === "Allow") ? "every" : "some",
    negated: operator.negated,
    test: operator.compare(values, surroundings.variables, at),
  };
}

/** `"Null": {"key": "true"}`: the request does not have the key. */
function nullCheck(key: ConditionKey, values: readonly string[], place: Place): Condition {
  const [value] = values;
  if (values.length !== 1 || (value !== "true" && value !== "false")) malformed(place, "nullValue");
  const absent = value === "true";
  return { key: key.name, absent, quantifier: "every", negated: false, test: () => !absent };
}

/** JSON numbers and booleans stand for their texts. */
function valuesAt(value: unknown, place: Place): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) malformed(place, "empty");
  return list.map((item) => {
    if (typeof item === "string") return item;
    if (typeof item === "number" || typeof item === "boolean") return String(item);
    return malformed(place, "values");
  });
}
