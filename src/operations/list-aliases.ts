import type { Call } from "../kms/call.ts";
import type { ListedAlias } from "../kms/lists.ts";
import { aliasArn } from "../model/arn.ts";
import { optional, structure } from "../model/shape.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listAliases = operation({
  name: "ListAliases",
  readOnly: true,
  request: structure({ KeyId: optional(keyId), Limit: limit, Marker: marker }),

  async run(kms, call, request) {
    const { KeyId } = request;
    const page = pageOf("ListAliases", request);
    const { items, next } =
      KeyId === undefined ? await kms.lists.aliases(call, page) : await kms.lists.aliasesOf(call, KeyId, page);
    return { Aliases: items.map((alias) => entry(call, alias)), NextMarker: next, Truncated: next !== undefined };
  },
});

const entry = (call: Call, { name, target, createdAt, updatedAt }: ListedAlias) => ({
  AliasName: name,
  AliasArn: aliasArn(call.region, call.account, name),
  TargetKeyId: target,
  CreationDate: createdAt === undefined ? undefined : new Date(createdAt),
  LastUpdatedDate: updatedAt === undefined ? undefined : new Date(updatedAt),
});
