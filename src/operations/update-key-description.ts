import { writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { description, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const updateKeyDescription = operation({
  name: "UpdateKeyDescription",
  readOnly: false,
  request: structure({ KeyId: keyId, Description: description }),

  async run(kms, call, { KeyId, Description }) {
    const { value: key, revision } = await kms.key(call, KeyId);
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, description: Description }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
