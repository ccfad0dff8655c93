import { writeKey } from "../kms/records.ts";
import { boolean, optional, structure } from "../model/shape.ts";
import { checkPolicyName } from "./checks.ts";
import { keyId, policy, policyName } from "./members.ts";
import { operation } from "./operation.ts";

export const putKeyPolicy = operation({
  name: "PutKeyPolicy",
  readOnly: false,
  request: structure({
    KeyId: keyId,
    PolicyName: policyName,
    Policy: policy,
    BypassPolicyLockoutSafetyCheck: optional(boolean),
  }),

  async run(kms, call, { KeyId, PolicyName = "default", Policy, BypassPolicyLockoutSafetyCheck = false }) {
    const { value: key, revision } = await kms.key(call, KeyId, {
      conditions: new Map([["kms:BypassPolicyLockoutSafetyCheck", String(BypassPolicyLockoutSafetyCheck)]]),
    });
    checkPolicyName(PolicyName);
    await kms.checkPolicy(call, {
      id: key.record.id,
      policy: Policy,
      bypassLockoutCheck: BypassPolicyLockoutSafetyCheck,
    });
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, policy: Policy }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
