import type { Authorizer } from "../access/authorizer.ts";
import { conditionContext } from "../access/context.ts";
import { compileKeyPolicy, principalsOf } from "../access/policy.ts";
import type { Principals } from "../access/principals.ts";
import { KmsError } from "../base/errors.ts";
import { keyArn } from "../model/arn.ts";
import type { Call } from "./call.ts";

export interface PolicyProposal {
  readonly id: string;
  readonly policy: string;
  readonly bypassLockoutCheck: boolean | undefined;
}

/** Whether a key policy can be put: well-formed, its principals exist, and its author is not locked out. */
export async function checkPolicy(
  authorizer: Authorizer,
  principals: Principals,
  call: Call,
  { id, policy, bypassLockoutCheck }: PolicyProposal,
): Promise<void> {
  const compiled = compileKeyPolicy(policy);
  for (const arn of principalsOf(compiled)) {
    if ((await principals.idOf(arn)) === undefined) {
      throw new KmsError("MalformedPolicyDocumentException", "principal");
    }
  }
  if (bypassLockoutCheck) return;
  const { allowed } = authorizer.decide({
    principal: call.caller.principal,
    action: "kms:PutKeyPolicy",
    resource: keyArn(call.region, call.account, id),
    owner: call.account,
    keyPolicy: compiled,
    context: conditionContext(call.caller, new Map()),
  });
  if (!allowed) throw new KmsError("MalformedPolicyDocumentException", "lockout");
}
