import { structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** Every key's use is tracked from its creation on. */
export const getKeyLastUsage = operation({
  name: "GetKeyLastUsage",
  readOnly: true,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const { record, arn } = (await kms.key(call, KeyId)).value;
    const usage = await kms.lastUsage.of(record);
    const created = new Date(record.createdAt);
    return {
      KeyId: arn,
      KeyLastUsage: usage
        ? {
            Operation: usage.operation,
            Timestamp: new Date(usage.time),
            CloudTrailEventId: usage.eventId,
            KmsRequestId: usage.requestId,
          }
        : {},
      TrackingStartDate: created,
      KeyCreationDate: created,
    };
  },
});
