import { writeKey } from "../kms/records.ts";
import { disableRotation } from "../kms/rotation.ts";
import { structure } from "../model/shape.ts";
import { checkGenerated, checkNoKeyStore, checkNotReplica } from "./checks.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** A key that does not rotate has nothing to be disabled, and that is no error. */
export const disableKeyRotation = operation({
  name: "DisableKeyRotation",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const found = await kms.key(call, KeyId);
    checkNoKeyStore(found.value.arn, found.value.record.customKeyStoreId);
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
