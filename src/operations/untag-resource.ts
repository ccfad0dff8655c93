import { writeKey } from "../kms/records.ts";
import { list, string, structure } from "../model/shape.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";
import { checkTagKeys } from "./tags.ts";

export const untagResource = operation({
  name: "UntagResource",
  readOnly: false,
  request: structure({ KeyId: keyId, TagKeys: list(string({ min: 1, max: 128 })) }),

  async run(kms, call, { KeyId, TagKeys }) {
    const { value: key, revision } = await kms.key(call, KeyId, { conditions: new Map([["aws:TagKeys", TagKeys]]) });
    checkTagKeys(TagKeys);
    const kept = Object.entries(key.record.tags).filter(([name]) => !TagKeys.includes(name));
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, tags: Object.fromEntries(kept) }, revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
