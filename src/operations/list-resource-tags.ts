import { structure } from "../model/shape.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listResourceTags = operation({
  name: "ListResourceTags",
  readOnly: true,
  request: structure({ KeyId: keyId, Limit: limit, Marker: marker }),

  async run(kms, call, request) {
    const page = pageOf("ListResourceTags", request);
    const key = await kms.key(call, request.KeyId);
    const all = Object.entries(key.value.record.tags);
    const { items, next } = await kms.lists.slice(call, page, key.value.arn, all);
    const Tags = items.map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    return { Tags, NextMarker: next, Truncated: next !== undefined };
  },
});
