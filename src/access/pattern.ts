import type { ConditionContext } from "./authorizer.ts";
import { conditionKey } from "./condition-keys.ts";
import { compileGlob, type Glob, type GlobToken, globMatches, question, star } from "./glob.ts";
import { malformed, type Place } from "./malformed.ts";

/** `${aws:username}`, or `${aws:username, 'somebody'}`. */
interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}
type Token = GlobToken | Variable;

/** What of a policy text has a meaning beside itself. */
export interface Syntax {
  readonly wildcards: boolean;
  /** Since version 2012-10-17. */
  readonly variables: boolean;
  readonly ignoreCase: boolean;
}

/**
 * A text out of a policy, to be matched. A value that a variable brings in is literal: a star in it matches a star. A
 * variable that the request does not have, and that has no default, makes the text match nothing.
 */
export interface Pattern {
  matches(text: string, context: ConditionContext): boolean;
  /** The text, when it is plain: no wildcard, no variable. */
  readonly literal?: string;
}

export function compilePattern(text: string, syntax: Syntax, place: Place): Pattern {
  const fold = (value: string): string => (syntax.ignoreCase ? value.toLowerCase() : value);
  const tokens = tokenize(text, syntax, place).map((token) => (typeof token === "string" ? fold(token) : token));
  if (tokens.some((token) => typeof token === "object")) {
    return {
      matches(value, context) {
        const resolved = resolve(tokens, context, fold);
        return resolved !== undefined && globMatches(compileGlob(resolved), fold(value));
      },
    };
  }
  const constant = tokens as GlobToken[];
  if (constant.every((token) => typeof token === "string")) {
    const literal = constant.join("");
    return { literal, matches: (value) => fold(value) === literal };
  }
  const glob: Glob = compileGlob(constant);
  return { matches: (value) => globMatches(glob, fold(value)) };
}

function resolve(
  tokens: readonly Token[],
  context: ConditionContext,
  fold: (value: string) => string,
): GlobToken[] | undefined {
  const resolved: GlobToken[] = [];
  for (const token of tokens) {
    if (typeof token !== "object") resolved.push(token);
    else {
      const value = context.get(token.key) ?? token.fallback;
      if (typeof value !== "string") return undefined;
      resolved.push(fold(value));
    }
  }
  return resolved;
}

function tokenize(text: string, { wildcards, variables }: Syntax, place: Place): Token[] {
  const tokens: Token[] = [];
  let literal = "";
  const push = (token: Token): void => {
    if (literal !== "") tokens.push(literal);
    literal = "";
    tokens.push(token);
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (wildcards && character === "*") push(star);
    else if (wildcards && character === "?") push(question);
    else if (variables && text.startsWith("${", i)) {
      const end = text.indexOf("}", i);
      if (end === -1) malformed(place, "variableEnd");
      const variable = parseVariable(text.slice(i + 2, end), place);
      if (typeof variable === "string") literal += variable;
      else push(variable);
      i = end;
    } else literal += character;
  }
  if (literal !== "" || tokens.length === 0) tokens.push(literal);
  return tokens;
}

/** IAM User Guide, "Policy variables": `${*}`, `${?}` and `${$}` are the characters themselves. */
function parseVariable(content: string, place: Place): string | Variable {
  if (content === "*" || content === "?" || content === "$") return content;
  const comma = content.indexOf(",");
  const key = conditionKey(comma === -1 ? content : content.slice(0, comma).trimEnd());
  if (!key || key.multiValued) malformed(place, "variableKey");
  if (comma === -1) return { key: key.name, fallback: undefined };
  const quoted = content.slice(comma + 1).trim();
  if (quoted.length < 2 || !quoted.startsWith("'") || !quoted.endsWith("'") || quoted.slice(1, -1).includes("'")) {
    malformed(place, "variableDefault");
  }
  return { key: key.name, fallback: quoted.slice(1, -1) };
}
