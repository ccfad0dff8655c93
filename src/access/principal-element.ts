import { principalArn, rootArn } from "../model/arn.ts";
import { isServicePrincipal } from "../model/service.ts";
import type { Principal } from "./authorizer.ts";
import { malformed, objectAt, type Place, refuseUnknownMembers, stringsAt } from "./malformed.ts";

/** Whom a statement of a key policy is about. */
export interface PrincipalElement {
  /** NotPrincipal: everybody else. */
  readonly negated: boolean;
  /** `"*"`: every principal of every account. */
  readonly everyone: boolean;
  /** 12 digits: all principals of the account; in an Allow, a delegation to the account's identity policies. */
  readonly accounts: ReadonlySet<string>;
  readonly arns: ReadonlySet<string>;
  /** Names like `s3.amazonaws.com`: those that no service of the configuration goes by stand for nobody. */
  readonly services: ReadonlySet<string>;
}

/** How a statement is about `principal`: by name, through its account, or not at all. */
export function relation(element: PrincipalElement, principal: Principal): "direct" | "account" | undefined {
  const { negated, accounts } = element;
  const named = namesDirectly(element, principal) ? "direct" : accounts.has(principal.account) ? "account" : undefined;
  if (!negated) return named;
  return named ? undefined : "direct";
}

const namesDirectly = ({ everyone, arns, services }: PrincipalElement, { arn, serviceNames = [] }: Principal) =>
  everyone || arns.has(arn) || serviceNames.some((name) => services.has(name));

/** The ARNs that must exist: of users and of account roots. */
export const principalsIn = ({ accounts, arns }: PrincipalElement): readonly string[] => [
  ...[...accounts].map(rootArn),
  ...arns,
];

export function compilePrincipals(value: unknown, negated: boolean, place: Place): PrincipalElement {
  const accounts = new Set<string>();
  const arns = new Set<string>();
  let everyone = false;
  const { texts, services } = textsOf(value, place);
  for (const text of texts) {
    const account = accountOf(text);
    if (text === "*") everyone = true;
    else if (account !== undefined) accounts.add(account);
    else if (principalSyntax.test(text)) arns.add(principalArn(text));
    else malformed(place, "principalSyntax");
  }
  return { negated, everyone, accounts, arns, services: new Set(services) };
}

function textsOf(value: unknown, place: Place): { texts: readonly string[]; services: readonly string[] } {
  if (value === "*") return { texts: ["*"], services: [] };
  const element = objectAt(value, place);
  refuseUnknownMembers(element, ["AWS", "Service"], place);
  if (Object.keys(element).length === 0) malformed(place, "nobody");
  const services = element["Service"] === undefined ? [] : stringsAt(element["Service"], place);
  if (!services.every(isServicePrincipal)) malformed(place, "service");
  return { texts: element["AWS"] === undefined ? [] : stringsAt(element["AWS"], place), services };
}

const accountOf = (text: string): string | undefined =>
  /^\d{12}$/.test(text) ? text : /^arn:aws(?:-cn|-us-gov)?:iam::(\d{12}):root$/.exec(text)?.[1];

/** No wildcards: IAM allows none inside of a principal. */
const principalSyntax =
  /^arn:aws(-cn|-us-gov)?:(iam::\d{12}:(user|role)\/|sts::\d{12}:assumed-role\/)[\w+=,.@/-]{1,512}$/;
