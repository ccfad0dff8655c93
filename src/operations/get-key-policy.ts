import { structure } from "../model/shape.ts";
import { checkPolicyName } from "./checks.ts";
import { keyId, policyName } from "./members.ts";
import { operation } from "./operation.ts";

export const getKeyPolicy = operation({
  name: "GetKeyPolicy",
  readOnly: true,
  request: structure({ KeyId: keyId, PolicyName: policyName }),

  async run(kms, call, { KeyId, PolicyName = "default" }) {
    const key = await kms.key(call, KeyId);
    checkPolicyName(PolicyName);
    return { Policy: key.value.record.policy, PolicyName };
  },
});
