import { writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { keyId, tags } from "./members.ts";
import { operation } from "./operation.ts";
import { mergeTags, tagConditions } from "./tags.ts";

export const tagResource = operation({
  name: "TagResource",
  readOnly: false,
  request: structure({ KeyId: keyId, Tags: tags }),

  async run(kms, call, { KeyId, Tags }) {
    const { value: key, revision } = await kms.key(call, KeyId, { conditions: tagConditions(Tags) });
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, tags: mergeTags(key.record.tags, Tags) }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
