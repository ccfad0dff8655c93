import { writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const disableKey = operation({
  name: "DisableKey",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const { value: key, revision } = await kms.key(call, KeyId, {
      conditionsOf: (record) => kms.lastUsage.idleDays(record, call.now),
    });
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, state: "Disabled" }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
