import { structure } from "../model/shape.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";

export const listKeyPolicies = operation({
  name: "ListKeyPolicies",
  readOnly: true,
  request: structure({ KeyId: keyId, Limit: limit, Marker: marker }),

  async run(kms, call, { KeyId, Limit = 100, Marker }) {
    const key = await kms.key(call, KeyId);
    const { items, next } = await kms.slice(call, { marker: Marker, limit: Limit }, key.value.arn, ["default"]);
    return { PolicyNames: items, NextMarker: next, Truncated: next !== undefined };
  },
});
