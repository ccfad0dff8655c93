import type { AccessRequest, Authorizer, Decision, Denial } from "./authorizer.ts";
import { holds } from "./conditions.ts";
import type { CompiledPolicy } from "./policy.ts";
import { relation } from "./principal-element.ts";
import { covers, type Statement } from "./statement.ts";

/**
 * Key policies, identity policies and grants (AWS KMS Developer Guide, "Key policies", "Grants"; IAM User Guide, "Policy
 * evaluation logic"). A deny anywhere wins. Otherwise the key policy must name the caller, which suffices inside of one
 * account and to services, which have no policies of their account to be held against, or the caller's account, which
 * leaves it to identity policies; across accounts both sides must allow. Where no policy allows, a grant may: to the caller
 * it suffices, in any account; to the root of the caller's account it leaves it to identity policies.
 */
export const authorizer: Authorizer = {
  decide(request) {
    const { principal, keyPolicy } = request;
    const denial = findIn(principal.policies, "deny", request);
    if (denial) return explicitlyDenied(denial, "identityDeny");
    const keyDenial = keyPolicy && find(keyPolicy, "deny", request, "any");
    if (keyDenial) return explicitlyDenied(keyDenial, "resourceDeny");
    const decision = decideByPolicies(request);
    return decision.allowed ? decision : (decideByGrants(request) ?? decision);
  },
};

function decideByPolicies(request: AccessRequest): Decision {
  const { principal, keyPolicy, owner } = request;
  if (keyPolicy) return decideByKey(request, keyPolicy);
  return principal.account === owner ? decideByIdentity(request) : denied(request, "noIdentityPolicy");
}

function decideByGrants(request: AccessRequest): Decision | undefined {
  const direct = request.grants?.("caller");
  if (direct !== undefined) return { allowed: true, reason: `allowed by grant ${direct}` };
  const delegating = request.grants?.("account");
  if (delegating === undefined) return undefined;
  const { allowed, reason } = decideByIdentity(request);
  return allowed ? { allowed, reason: `${reason}, as grant ${delegating} leaves it to the account` } : undefined;
}

function decideByKey(request: AccessRequest, keyPolicy: CompiledPolicy): Decision {
  const { principal, owner } = request;
  const sameAccount = principal.account === owner;
  const direct = find(keyPolicy, "allow", request, "direct");
  if (direct && (sameAccount || principal.type === "AWSService")) return direct.decision;
  if (direct || find(keyPolicy, "allow", request, "account")) return decideByIdentity(request);
  return denied(request, sameAccount ? "noPolicy" : "noResourcePolicy");
}

function decideByIdentity(request: AccessRequest): Decision {
  if (request.principal.type === "Root") return root;
  return findIn(request.principal.policies, "allow", request)?.decision ?? denied(request, "noIdentityPolicy");
}

/** The root of an account needs no identity policy. */
const root: Decision = { allowed: true, reason: "allowed as the root of the account" };

function findIn(
  policies: readonly CompiledPolicy[],
  effect: "allow" | "deny",
  request: AccessRequest,
): Statement | undefined {
  for (const policy of policies) {
    const found = find(policy, effect, request, "any");
    if (found) return found;
  }
  return undefined;
}

/** The first statement that applies to the request, whose principal it concerns as `wanted`. */
function find(
  policy: CompiledPolicy,
  effect: "allow" | "deny",
  { principal, action, resource, context }: AccessRequest,
  wanted: "direct" | "account" | "any",
): Statement | undefined {
  for (const statement of policy.about(action)[effect]) {
    const { principals, resources, conditions } = statement;
    if (principals) {
      const related = relation(principals, principal);
      if (related === undefined || (wanted !== "any" && related !== wanted)) continue;
    }
    if (covers(resources, resource, context) && conditions.every((condition) => holds(condition, context))) {
      return statement;
    }
  }
  return undefined;
}

const explicitlyDenied = ({ decision }: Statement, denial: Denial): Decision => ({ ...decision, denial });

/** Of whom no policy allows the action. */
const silent = {
  noIdentityPolicy: "identity-based",
  noResourcePolicy: "resource-based",
  noPolicy: "identity-based or resource-based",
} as const;

function denied({ action }: AccessRequest, denial: keyof typeof silent): Decision {
  return { allowed: false, reason: `no ${silent[denial]} policy allows the ${action} action`, denial };
}
