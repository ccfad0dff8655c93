import { writeKey } from "../kms/records.ts";
import { disableRotation } from "../kms/rotation.ts";
import { structure } from "../model/shape.ts";
import { checkGenerated, checkNotReplica, checkRotatable } from "./checks.ts";
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
    checkNotReplica(found);
    const { value: key, revision } = found;
    const planned = disableRotation(key.record);
    const shared = await kms.multiRegion.share(planned?.key ?? key.record);
    await kms.commit(call, {
      ...shared,
      writes: planned ? [writeKey(planned.key, revision), planned.write, ...shared.writes] : [],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
