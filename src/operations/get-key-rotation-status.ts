import type { KeyState } from "../model/key-spec.ts";
import { structure } from "../model/shape.ts";
import { checkNoKeyStore } from "./checks.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

const pending: readonly KeyState[] = ["PendingDeletion", "PendingReplicaDeletion"];

export const getKeyRotationStatus = operation({
  name: "GetKeyRotationStatus",
  readOnly: true,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const { record, arn } = (await kms.key(call, KeyId, { crossAccount: true })).value;
    checkNoKeyStore(arn, record.customKeyStoreId);
    // A key that waits for its deletion rotates no more; cancelling restores what was set.
    const rotation = pending.includes(record.state) ? undefined : record.rotation;
    return {
      KeyRotationEnabled: rotation !== undefined,
      KeyId: arn,
      RotationPeriodInDays: rotation?.periodInDays,
      NextRotationDate: rotation && new Date(rotation.next),
    };
  },
});
