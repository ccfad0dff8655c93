import { rootArn } from "../model/arn.ts";
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
}

/** How a statement is about `principal`: by name, through its account, or not at all. */
export function relation(element: PrincipalElement, principal: Principal): "direct" | "account" | undefined {
  const { negated, everyone, accounts, arns } = element;
  const named =
    everyone || arns.has(principal.arn) ? "direct" : accounts.has(principal.account) ? "account" : undefined;
  if (!negated) return named;
  return named ? undefined : "direct";
}

/** The ARNs that must exist: of users and of account roots. */
export const principalsIn = ({ accounts, arns }: PrincipalElement): readonly string[] => [
  ...[...accounts].map(rootArn),
  ...arns,
];

export function compilePrincipals(value: unknown, negated: boolean, place: Place): PrincipalElement {
  const accounts = new Set<string>();
  const arns = new Set<string>();
  let everyone = false;
  for (const text of textsOf(value, place)) {
    const account = accountOf(text);
    if (text === "*") everyone = true;
    else if (account !== undefined) accounts.add(account);
    else if (principalArn.test(text)) arns.add(text);
    else malformed(place, 'an AWS principal is "*", an account, or the ARN of an account root or user');
  }
  return { negated, everyone, accounts, arns };
}

/** No service signs requests here, so a `Service` is well-formed and stands for nobody. */
function textsOf(value: unknown, place: Place): readonly string[] {
  if (value === "*") return ["*"];
  const element = objectAt(value, place);
  refuseUnknownMembers(element, ["AWS", "Service"], place);
  if (Object.keys(element).length === 0) malformed(place, "names nobody");
  const services = element["Service"] === undefined ? [] : stringsAt(element["Service"], place);
  if (!services.every((name) => serviceName.test(name))) malformed(place, "a service is named like kms.amazonaws.com");
  return element["AWS"] === undefined ? [] : stringsAt(element["AWS"], place);
}

const accountOf = (text: string): string | undefined =>
  /^\d{12}$/.test(text) ? text : /^arn:aws(?:-cn|-us-gov)?:iam::(\d{12}):root$/.exec(text)?.[1];

/** No wildcards: IAM allows none inside of a principal. */
const principalArn = /^arn:aws(-cn|-us-gov)?:(iam::\d{12}:(user|role)\/|sts::\d{12}:assumed-role\/)[\w+=,.@/-]{1,512}$/;
const serviceName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/;
