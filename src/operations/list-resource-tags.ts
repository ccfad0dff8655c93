import { structure } from "../model/shape.ts";
import { checkLimit } from "./checks.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";

export const listResourceTags = operation({
  name: "ListResourceTags",
  readOnly: true,
  request: structure({ KeyId: keyId, Limit: limit, Marker: marker }),

  async run(kms, call, { KeyId, Limit = 50, Marker }) {
    checkLimit(Limit, 50);
    const key = await kms.key(call, KeyId);
    const all = Object.entries(key.value.record.tags);
    const { items, next } = await kms.slice(call, { marker: Marker, limit: Limit }, key.value.arn, all);
    const Tags = items.map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    return { Tags, NextMarker: next, Truncated: next !== undefined };
  },
});
