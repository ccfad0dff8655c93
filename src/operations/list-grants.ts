import { KmsError } from "../base/errors.ts";
import { grantListEntry } from "../model/grant.ts";
import { optional, structure } from "../model/shape.ts";
import { checkServiceFilter, forAwsResource } from "./checks.ts";
import { grantId, keyId, limit, marker, principal, servicePrincipal } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listGrants = operation({
  name: "ListGrants",
  readOnly: true,
  request: structure({
    Limit: limit,
    Marker: marker,
    KeyId: keyId,
    GrantId: optional(grantId),
    GranteePrincipal: principal,
    GranteeServicePrincipal: servicePrincipal,
  }),

  async run(kms, call, request) {
    const { KeyId, GrantId, GranteePrincipal, GranteeServicePrincipal } = request;
    const page = pageOf("ListGrants", request);
    checkServiceFilter(call, GranteeServicePrincipal);
    if (GranteePrincipal !== undefined && GranteeServicePrincipal !== undefined) {
      throw new KmsError("ValidationException", "granteeFilter");
    }
    const key = await kms.key(call, KeyId, { crossAccount: true, conditions: forAwsResource(call) });
    const filter = { id: GrantId, grantee: GranteePrincipal ?? GranteeServicePrincipal };
    const { items, next } = await kms.grants.list(call, key, filter, page);
    return { Grants: items.map(grantListEntry), NextMarker: next, Truncated: next !== undefined };
  },
});
