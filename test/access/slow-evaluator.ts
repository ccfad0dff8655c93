import type { AccessRequest, Principal } from "../../src/access/authorizer.ts";

/**
 * IAM evaluation read straight out of the documents, statement by statement, after the User Guide's text: nothing is
 * compiled, nothing shared with src/access. Knows what the generators make.
 */
type Json = Record<string, unknown>;
export interface SlowRequest extends Omit<AccessRequest, "keyPolicy" | "principal" | "context"> {
  readonly principal: Omit<Principal, "policies">;
  readonly context: Readonly<Record<string, string | readonly string[]>>;
  readonly keyPolicy: string | undefined;
  readonly identityPolicies: readonly string[];
}

export function slowlyAllowed(request: SlowRequest): boolean {
  const { principal, owner } = request;
  const identity = request.identityPolicies.flatMap(statementsOf).filter((s) => applies(s, request));
  const key = request.keyPolicy === undefined ? [] : statementsOf(request.keyPolicy);
  const relevant = key.filter((s) => s["Action"] ?? s["NotAction"]).filter((s) => s["Resource"] ?? s["NotResource"]);
  const concerning = relevant.filter((s) => concerns(s, principal) !== "nobody" && applies(s, request));
  if ([...identity, ...concerning].some((s) => s["Effect"] === "Deny")) return false;
  const identityAllows = identity.some((s) => s["Effect"] === "Allow");
  const allows = concerning.filter((s) => s["Effect"] === "Allow").map((s) => concerns(s, principal));
  if (request.keyPolicy === undefined) return principal.account === owner && identityAllows;
  if (principal.account === owner && allows.includes("caller")) return true;
  return allows.length > 0 && identityAllows;
}

const statementsOf = (text: string): Json[] => [JSON.parse(text).Statement].flat();
const listOf = (value: unknown): string[] => [value].flat().map(String);

function concerns(statement: Json, principal: Omit<Principal, "policies">): "caller" | "account" | "nobody" {
  const element = (statement["Principal"] ?? statement["NotPrincipal"]) as string | Json;
  const names = typeof element === "string" ? [element] : listOf(element["AWS"] ?? []);
  const caller = names.includes("*") || names.includes(principal.arn);
  const account = names.includes(principal.account) || names.includes(`arn:aws:iam::${principal.account}:root`);
  if (statement["NotPrincipal"]) return caller || account ? "nobody" : "caller";
  return caller ? "caller" : account ? "account" : "nobody";
}

function applies(statement: Json, { action, resource, context }: SlowRequest): boolean {
  const anyAction = (names: unknown) => listOf(names).some((name) => like(name.toLowerCase(), action.toLowerCase()));
  const anyResource = (names: unknown) =>
    listOf(names).some((name) => {
      const filled = fill(name, context);
      return filled !== undefined && like(filled, resource);
    });
  const actions = statement["Action"] ? anyAction(statement["Action"]) : !anyAction(statement["NotAction"]);
  const resources = statement["Resource"] ? anyResource(statement["Resource"]) : !anyResource(statement["NotResource"]);
  const conditions = Object.entries((statement["Condition"] ?? {}) as Record<string, Json>);
  return (
    actions &&
    resources &&
    conditions.every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => conditionHolds(operator, key, listOf(values), context)),
    )
  );
}

function conditionHolds(
  operator: string,
  key: string,
  wanted: readonly string[],
  context: SlowRequest["context"],
): boolean {
  const actual = context[key.toLowerCase()];
  if (operator === "Null") return (actual === undefined) === (wanted[0] === "true");
  const set = /^(ForAllValues|ForAnyValue):/.exec(operator)?.[1];
  const name = operator.replace(/^For\w+:/, "").replace(/IfExists$/, "");
  if (actual === undefined) {
    if (operator.endsWith("IfExists")) return true;
    return set ? set === "ForAllValues" : /Not/.test(name);
  }
  const passes = (value: string) =>
    wanted.some((text) => valueMatches(name, text, value, context)) !== /Not/.test(name);
  const values = [actual].flat();
  return set === "ForAnyValue" ? values.some(passes) : values.every(passes);
}

function valueMatches(name: string, wanted: string, actual: string, context: SlowRequest["context"]): boolean {
  const text = fill(wanted, context);
  if (text === undefined) return false;
  switch (name.replace("Not", "")) {
    case "StringEquals":
      return unescaped(text) === actual;
    case "StringEqualsIgnoreCase":
      return unescaped(text).toLowerCase() === actual.toLowerCase();
    case "StringLike":
      return like(text, actual);
    case "ArnLike":
    case "ArnEquals": {
      const [patterns, parts] = [text.split(":"), actual.split(":")];
      return parts.length >= 6 && patterns.every((pattern, i) => like(pattern, parts[i] ?? "\0"));
    }
    case "NumericEquals":
      return Number(actual) === Number(text);
    case "NumericLessThan":
      return Number(actual) < Number(text);
    case "DateGreaterThan":
      return Date.parse(actual) > Date.parse(text);
    case "Bool":
      return actual === text;
    case "IpAddress": {
      const [network, length] = text.split("/") as [string, string];
      return bitsOf(actual).startsWith(bitsOf(network).slice(0, Number(length)));
    }
    default:
      throw new Error(`the generators do not make ${name}`);
  }
}

const bitsOf = (address: string): string =>
  address
    .split(".")
    .map((octet) => Number(octet).toString(2).padStart(8, "0"))
    .join("");

/** Characters of a variable's value become private-use ones, so that a star among them is no wildcard. */
const literal = (text: string): string => text.replace(/[*?]/g, (c) => (c === "*" ? "\ue000" : "\ue001"));
const unescaped = (text: string): string => text.replaceAll("\ue000", "*").replaceAll("\ue001", "?");

function fill(text: string, context: SlowRequest["context"]): string | undefined {
  let missing = false;
  const filled = text.replace(/\$\{([^}]*)\}/g, (_all, content: string) => {
    if (content === "*" || content === "?") return literal(content);
    const [, name = "", fallback] = /^([^,]*)(?:, '(.*)')?$/.exec(content) ?? [];
    const value = context[name.toLowerCase()] ?? fallback;
    missing ||= value === undefined;
    return literal(String(value));
  });
  return missing ? undefined : filled;
}

/** One position at a time, trying everything. */
function like(pattern: string, text: string): boolean {
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === undefined) return text === "";
  if (first === "*") return like(rest, text) || (text !== "" && like(pattern, text.slice(1)));
  return text !== "" && (first === "?" || unescaped(first) === text[0]) && like(rest, text.slice(1));
}
