import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";

export const listKeyPolicies = operation({
  name: "ListKeyPolicies",
  readOnly: true,
  request: structure({ KeyId: keyId, Limit: limit, Marker: marker }),

  async run(kms, call, { KeyId, Marker }) {
    await kms.key(call, KeyId);
    // No page has a next one, so no marker was given out; the operation declares no InvalidMarkerException.
    if (Marker !== undefined) throw new KmsError("ValidationException", "listMarker");
    return { PolicyNames: ["default"], Truncated: false };
  },
});
