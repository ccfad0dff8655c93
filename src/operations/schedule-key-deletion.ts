import { KmsError } from "../base/errors.ts";
import { plan } from "../kms/agenda.ts";
import { writeKey } from "../kms/records.ts";
import { integer, optional, structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

const day = 86_400_000;

export const scheduleKeyDeletion = operation({
  name: "ScheduleKeyDeletion",
  readOnly: false,
  request: structure({ KeyId: keyId, PendingWindowInDays: optional(integer({ min: 1, max: 365 })) }),

  async run(kms, call, { KeyId, PendingWindowInDays = 30 }) {
    const { value: key, revision } = await kms.key(call, KeyId, {
      conditions: new Map([["kms:ScheduleKeyDeletionPendingWindowInDays", String(PendingWindowInDays)]]),
      conditionsOf: (record) => kms.lastUsage.idleDays(record, call.now),
    });
    // The model allows 1 to 365; the service enforces less.
    if (PendingWindowInDays < 7 || PendingWindowInDays > 30) {
      throw new KmsError("ValidationException", "PendingWindowInDays must be between 7 and 30.");
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
