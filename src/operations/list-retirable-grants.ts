import { KmsError } from "../base/errors.ts";
import { parseArn } from "../model/arn.ts";
import { grantListEntry } from "../model/grant.ts";
import { structure } from "../model/shape.ts";
import { checkServiceFilter } from "./checks.ts";
import { limit, marker, principal, servicePrincipal } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listRetirableGrants = operation({
  name: "ListRetirableGrants",
  readOnly: true,
  request: structure({
    Limit: limit,
    Marker: marker,
    RetiringPrincipal: principal,
    RetiringServicePrincipal: servicePrincipal,
  }),

  async run(kms, call, request) {
    const { RetiringPrincipal, RetiringServicePrincipal } = request;
    const page = pageOf("ListRetirableGrants", request);
    checkServiceFilter(call, RetiringServicePrincipal);
    const retiring = RetiringPrincipal ?? RetiringServicePrincipal;
    if (retiring === undefined || (RetiringPrincipal !== undefined && RetiringServicePrincipal !== undefined)) {
      throw new KmsError("ValidationException", "retiringFilter");
    }
    if (RetiringPrincipal !== undefined && !parseArn(RetiringPrincipal)) {
      throw new KmsError("InvalidArnException", "retiring");
    }
    const { items, next } = await kms.grants.retirable(call, retiring, page);
    return { Grants: items.map(grantListEntry), NextMarker: next, Truncated: next !== undefined };
  },
});
