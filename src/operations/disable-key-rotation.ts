import { disableRotation } from "../kms/rotation.ts";
import { structure } from "../model/shape.ts";
import { checkGenerated, checkRotatable } from "./checks.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const disableKeyRotation = operation({
  name: "DisableKeyRotation",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const found = await kms.key(call, KeyId);
    checkRotatable(found);
    checkGenerated(found);
    const { value: key, revision } = found;
    await kms.commit(call, { writes: disableRotation(key.record, revision), responseElements: { keyId: key.arn } });
    return undefined;
  },
});
