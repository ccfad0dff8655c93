import { utf8 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { rootArn, shownArn } from "../model/arn.ts";
import { readJsonObject } from "../model/json.ts";
import { limits } from "../model/quotas.ts";
import { malformed, refuseUnknownMembers } from "./malformed.ts";
import { principalsIn } from "./principal-element.ts";
import { compileStatement, covers, type PolicyKind, type Statement } from "./statement.ts";

/**
 * A policy document, checked and compiled when it is put. What is malformed or not known is refused then with a
 * MalformedPolicyDocumentException that names the place; evaluation ignores nothing.
 */
export class CompiledPolicy {
  readonly statements: readonly Statement[];
  /** By action: a service has few, and asks for the same ones again. */
  readonly #byAction = new Map<string, StatementsByEffect>();

  constructor(statements: readonly Statement[]) {
    this.statements = statements;
  }

  /** The statements whose Action covers `action`, a name out of this service's code. */
  about(action: string): StatementsByEffect {
    const known = this.#byAction.get(action);
    if (known) return known;
    const name = action.toLowerCase();
    const about = this.statements.filter(({ actions }) => covers(actions, name, noContext));
    const split = {
      allow: about.filter(({ effect }) => effect === "Allow"),
      deny: about.filter(({ effect }) => effect === "Deny"),
    };
    this.#byAction.set(action, split);
    return split;
  }
}

interface StatementsByEffect {
  readonly allow: readonly Statement[];
  readonly deny: readonly Statement[];
}

const noContext = new Map<string, string>();

/** The policy of a key. Whether its principals exist is for the caller to check: `principalsOf`. */
export const compileKeyPolicy = (text: string): CompiledPolicy => compile(text, "key", "key policy");

/** A policy attached to a user, under its name. */
export const compileIdentityPolicy = (text: string, name: string): CompiledPolicy =>
  compile(text, "identity", `identity policy ${name}`);

/** ARNs of the users and account roots that a key policy names, each once. */
export const principalsOf = (policy: CompiledPolicy): readonly string[] => [
  ...new Set(policy.statements.flatMap(({ principals }) => (principals ? principalsIn(principals) : []))),
];

/** What CreateKey puts when it is given none: it delegates to the identity policies of the account. */
export const defaultKeyPolicy = (account: string, region: string): string =>
  policyText({
    Version: "2012-10-17",
    Id: "key-default-1",
    Statement: [
      {
        Sid: "Enable IAM User Permissions",
        Effect: "Allow",
        Principal: { AWS: shownArn(rootArn(account), region) },
        Action: "kms:*",
        Resource: "*",
      },
    ],
  });

/** A policy with the spaces and lines of those that AWS writes. */
export function policyText(value: unknown, indent = ""): string {
  if (Array.isArray(value)) return `[ ${value.map((item) => policyText(item, indent)).join(", ")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const members = Object.entries(value).map(
    ([name, member]) => `${inner}${JSON.stringify(name)} : ${policyText(member, inner)}`,
  );
  return `{\n${members.join(",\n")}\n${indent}}`;
}

function compile(text: string, kind: "key" | "identity", name: string): CompiledPolicy {
  const document = readDocument(text, kind);
  refuseUnknownMembers(document, ["Version", "Id", "Statement"], "Policy");
  const { Version: version = "2008-10-17", Id: id, Statement: given } = document;
  if (version !== "2012-10-17" && version !== "2008-10-17") malformed("Version", "version");
  if (id !== undefined && typeof id !== "string") malformed("Id", "id");
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (given === undefined || list.length === 0) malformed("Statement", "noStatement");
  const surroundings: PolicyKind = { kind, name, variables: version === "2012-10-17" };
  const statements = list.map((item, index) => compileStatement(item, surroundings, index + 1));
  if (kind === "identity") refuseEqualSids(list);
  return new CompiledPolicy(statements);
}

function readDocument(text: string, kind: "key" | "identity"): Readonly<Record<string, unknown>> {
  const bytes = utf8(text);
  const limit = kind === "key" ? limits.keyPolicyBytes : limits.identityPolicyBytes;
  if (bytes.length > limit) {
    if (kind === "key") throw new KmsError("LimitExceededException", "keyPolicyBytes", { limit });
    malformed("Policy", "long", { limit });
  }
  try {
    if (bytes.length > 0) return readJsonObject(bytes);
  } catch (error) {
    if (!(error instanceof KmsError)) throw error;
  }
  return malformed("Policy", "json");
}

function refuseEqualSids(statements: readonly unknown[]): void {
  const sids = statements.map((statement) => (statement as { Sid?: string }).Sid).filter((sid) => sid);
  if (new Set(sids).size < sids.length) malformed("Statement", "sidTwice");
}
