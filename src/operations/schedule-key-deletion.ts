import { KmsError } from "../base/errors.ts";
import { plan } from "../kms/agenda.ts";
import type { Call } from "../kms/call.ts";
import type { FoundKey } from "../kms/find.ts";
import type { Kms } from "../kms/kms.ts";
import { writeKey } from "../kms/records.ts";
import { isPrimary, otherRegions } from "../model/multi-region.ts";
import { limits } from "../model/quotas.ts";
import { integer, optional, structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

const day = 86_400_000;

export const scheduleKeyDeletion = operation({
  name: "ScheduleKeyDeletion",
  readOnly: false,
  request: structure({ KeyId: keyId, PendingWindowInDays: optional(integer({ min: 1, max: 365 })) }),

  async run(kms, call, { KeyId, PendingWindowInDays = limits.pendingWindowDays.unlessStated }) {
    const { value: key, revision } = await kms.key(call, KeyId, {
      conditions: new Map([["kms:ScheduleKeyDeletionPendingWindowInDays", String(PendingWindowInDays)]]),
      conditionsOf: (record) => kms.lastUsage.idleDays(record, call.now),
    });
    // The model allows 1 to 365; the service enforces less.
    const { least, most } = limits.pendingWindowDays;
    if (PendingWindowInDays < least || PendingWindowInDays > most) {
      throw new KmsError("ValidationException", "pendingWindow", { least, most });
    }
    if (isPrimary(key.record) && otherRegions(key.record).length > 0) {
      return awaitReplicas(kms, call, { value: key, revision }, PendingWindowInDays);
    }
    const deletionDate = call.now + PendingWindowInDays * day;
    await kms.commit(call, {
      writes: [
        writeKey({ ...key.record, state: "PendingDeletion", deletionDate }, revision),
        plan("deletion", key.record, deletionDate, 0),
      ],
      responseElements: {
        keyId: key.arn,
        deletionDate: new Date(deletionDate).toISOString(),
        keyState: "PendingDeletion",
        pendingWindowInDays: PendingWindowInDays,
      },
    });
    return { KeyId: key.arn, DeletionDate: new Date(deletionDate), KeyState: "PendingDeletion", PendingWindowInDays };
  },
});

/** A primary waits until its last replica is gone: then its own waiting period begins. */
async function awaitReplicas(kms: Kms, call: Call, { value: { record, arn }, revision }: FoundKey, days: number) {
  const KeyState = "PendingReplicaDeletion";
  await kms.commit(call, {
    writes: [writeKey({ ...record, state: KeyState, pendingWindowInDays: days }, revision)],
    responseElements: { keyId: arn, keyState: KeyState, pendingWindowInDays: days },
  });
  return { KeyId: arn, KeyState, PendingWindowInDays: days };
}
