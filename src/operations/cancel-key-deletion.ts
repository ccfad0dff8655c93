import { callOff } from "../kms/agenda.ts";
import { writeKey } from "../kms/records.ts";
import { isComplete } from "../model/key.ts";
import { structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const cancelKeyDeletion = operation({
  name: "CancelKeyDeletion",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const { value: key, revision } = await kms.key(call, KeyId);
    const { deletionDate, pendingWindowInDays: _, ...kept } = key.record;
    // A key whose imported material is gone cannot be enabled, so it is not called disabled.
    const state = isComplete(kept) ? "Disabled" : "PendingImport";
    await kms.commit(call, {
      writes: [
        writeKey({ ...kept, state }, revision),
        ...(deletionDate === undefined ? [] : [callOff("deletion", key.record, 1)]),
      ],
      responseElements: { keyId: key.arn },
    });
    return { KeyId: key.arn };
  },
});
