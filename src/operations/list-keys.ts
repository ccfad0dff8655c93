import { keyArn } from "../model/arn.ts";
import { structure } from "../model/shape.ts";
import { limit, marker } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listKeys = operation({
  name: "ListKeys",
  readOnly: true,
  request: structure({ Limit: limit, Marker: marker }),

  async run(kms, call, request) {
    const { items, next } = await kms.lists.keys(call, pageOf("ListKeys", request));
    const Keys = items.map((id) => ({ KeyId: id, KeyArn: keyArn(call.region, call.account, id) }));
    return { Keys, NextMarker: next, Truncated: next !== undefined };
  },
});
