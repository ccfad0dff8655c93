import { keyEvent } from "../kms/events.ts";
import { checkOnDemand } from "../kms/rotation.ts";
import { structure } from "../model/shape.ts";
import { checkNotReplica, checkRotatable } from "./checks.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** Done when it answers: what AWS does in the background is one commit here, so no rotation is ever in progress. */
export const rotateKeyOnDemand = operation({
  name: "RotateKeyOnDemand",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const found = await kms.key(call, KeyId);
    checkRotatable(found);
    checkNotReplica(found);
    const { value: key, revision } = found;
    checkOnDemand(key.record, call.now);
    const { details, events, ...change } = await kms.rotate(call, key.record, revision);
    await kms.commit(call, {
      ...change,
      events: [keyEvent("RotateKey", key.record, details), ...events],
      responseElements: { keyId: key.arn },
    });
    return { KeyId: key.arn };
  },
});
