import { writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const enableKey = operation({
  name: "EnableKey",
  readOnly: false,
  request: structure({ KeyId: keyId }),

  async run(kms, call, { KeyId }) {
    const { value: key, revision } = await kms.key(call, KeyId);
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, state: "Enabled" }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
