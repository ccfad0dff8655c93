import { KmsError } from "../base/errors.ts";
import { parseArn } from "../model/arn.ts";
import { grantListEntry } from "../model/grant.ts";
import { structure } from "../model/shape.ts";
import { checkLimit, checkServiceFilter } from "./checks.ts";
import { limit, marker, principal, servicePrincipal } from "./members.ts";
import { operation } from "./operation.ts";

export const listRetirableGrants = operation({
  name: "ListRetirableGrants",
  readOnly: true,
  request: structure({
    Limit: limit,
    Marker: marker,
    RetiringPrincipal: principal,
    RetiringServicePrincipal: servicePrincipal,
  }),

  async run(kms, call, { Limit = 50, Marker, RetiringPrincipal, RetiringServicePrincipal }) {
    checkLimit(Limit, 100);
    checkServiceFilter(call, RetiringServicePrincipal);
    const retiring = RetiringPrincipal ?? RetiringServicePrincipal;
    if (retiring === undefined || (RetiringPrincipal !== undefined && RetiringServicePrincipal !== undefined)) {
      throw new KmsError("ValidationException", "retiringFilter");
    }
    if (RetiringPrincipal !== undefined && !parseArn(RetiringPrincipal)) {
      throw new KmsError("InvalidArnException", "retiring");
    }
    const { items, next } = await kms.grants.retirable(call, retiring, { marker: Marker, limit: Limit });
    return { Grants: items.map(grantListEntry), NextMarker: next, Truncated: next !== undefined };
  },
});
