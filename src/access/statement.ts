import { knownActions } from "./actions.ts";
import type { ConditionContext, Decision } from "./authorizer.ts";
import { type Condition, compileConditions, type Surroundings } from "./conditions.ts";
import { malformed, objectAt, type Place, refuseUnknownMembers, stringsAt } from "./malformed.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import { compilePrincipals, type PrincipalElement } from "./principal-element.ts";

export interface Statement {
  readonly effect: "Allow" | "Deny";
  /** `key policy, statement 1 "Enable IAM User Permissions"`. */
  readonly label: string;
  /** Of a key policy; an identity policy's statements are about whom it is attached to. */
  readonly principals: PrincipalElement | undefined;
  readonly actions: Patterns;
  readonly resources: Patterns;
  readonly conditions: readonly Condition[];
  /** What this statement alone decides, made once. */
  readonly decision: Decision;
}

/** An element and its Not form. */
export interface Patterns {
  readonly negated: boolean;
  readonly any: readonly Pattern[];
}

export const covers = ({ negated, any }: Patterns, text: string, context: ConditionContext): boolean => {
  for (const pattern of any) if (pattern.matches(text, context)) return !negated;
  return negated;
};

const elements = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
const principalElements = ["Principal", "NotPrincipal"];

export interface PolicyKind extends Omit<Surroundings, "effect"> {
  /** What a reason calls the policy. */
  readonly name: string;
}

export function compileStatement(value: unknown, kind: PolicyKind, index: number): Statement {
  const place = `Statement ${index}`;
  const statement = objectAt(value, place);
  refuseUnknownMembers(statement, kind.kind === "key" ? [...elements, ...principalElements] : elements, place);
  const { Sid: sid, Effect: effect } = statement;
  if (effect !== "Allow" && effect !== "Deny") malformed(place, "effect");
  if (sid !== undefined && (typeof sid !== "string" || !sidSyntax[kind.kind].test(sid))) malformed(place, "sid");
  const label = `${kind.name}, statement ${index}${sid ? ` "${sid}"` : ""}`;
  const allowed = effect === "Allow";
  const condition = statement["Condition"];
  return {
    effect,
    label,
    principals: kind.kind === "key" ? principalsOf(statement, effect, place) : undefined,
    actions: patternsOf(statement, "Action", kind, place, (text, at) => compileAction(text, kind.kind, at)),
    resources: patternsOf(statement, "Resource", kind, place, (text, at) => compileResource(text, kind.variables, at)),
    conditions: condition === undefined ? [] : compileConditions(condition, { ...kind, effect }, `${place}, Condition`),
    decision: { allowed, reason: `${allowed ? "allowed" : "explicitly denied"} by ${label}` },
  };
}

/** Those of key policies may have spaces in them. */
const sidSyntax = { key: /^[\x20-\x7e\xa0-\xff]{0,256}$/, identity: /^[A-Za-z0-9]{0,256}$/ };

function principalsOf(
  statement: Readonly<Record<string, unknown>>,
  effect: "Allow" | "Deny",
  place: Place,
): PrincipalElement {
  const { Principal: principal, NotPrincipal: notPrincipal } = statement;
  if ((principal === undefined) === (notPrincipal === undefined)) {
    malformed(place, "principalElement");
  }
  if (notPrincipal === undefined) return compilePrincipals(principal, false, `${place}, Principal`);
  if (effect === "Allow") malformed(place, "everybodyElse");
  return compilePrincipals(notPrincipal, true, `${place}, NotPrincipal`);
}

/** A statement of a key policy that lacks Action or Resource is stored and has no effect (AWS KMS Developer Guide). */
const nothing: Patterns = { negated: false, any: [] };

function patternsOf(
  statement: Readonly<Record<string, unknown>>,
  element: "Action" | "Resource",
  { kind }: PolicyKind,
  place: Place,
  compile: (text: string, place: Place) => Pattern,
): Patterns {
  const [given, excluded] = [statement[element], statement[`Not${element}`]];
  if (given !== undefined && excluded !== undefined) malformed(place, "both", { element });
  const value = given ?? excluded;
  if (value === undefined) return kind === "key" ? nothing : malformed(place, "needs", { element });
  const at = `${place}, ${excluded === undefined ? "" : "Not"}${element}`;
  return { negated: excluded !== undefined, any: stringsAt(value, at).map((text) => compile(text, at)) };
}

/** `kms:Generate*`. An action of KMS that does not exist is a typing error; those of other services have no effect here. */
function compileAction(text: string, kind: "key" | "identity", place: Place): Pattern {
  const pattern = compilePattern(text, { wildcards: true, variables: false, ignoreCase: true }, place);
  if (text === "*") return pattern;
  const service = /^([A-Za-z0-9-]+):[A-Za-z0-9*?]+$/.exec(text)?.[1];
  if (!service) malformed(place, "actionSyntax");
  if (service.toLowerCase() === "kms") {
    if (!knownActions.some((action) => pattern.matches(action, noContext))) malformed(place, "actionNone");
  } else if (kind === "key") malformed(place, "actionService");
  return pattern;
}

const noContext: ConditionContext = new Map();

function compileResource(text: string, variables: boolean, place: Place): Pattern {
  if (text !== "*" && !text.startsWith("arn:")) malformed(place, "resource");
  return compilePattern(text, { wildcards: true, variables, ignoreCase: false }, place);
}
