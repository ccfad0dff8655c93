import { aliasPath, remove, writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { checkAliasPrefix, withoutAlias } from "./aliases.ts";
import { aliasName } from "./members.ts";
import { operation } from "./operation.ts";

/** Needs the permission on the alias and on its key. */
export const deleteAlias = operation({
  name: "DeleteAlias",
  readOnly: false,
  request: structure({ AliasName: aliasName }),

  async run(kms, call, { AliasName }) {
    checkAliasPrefix(AliasName);
    const { value: alias, revision: aliasRevision } = await kms.alias(call, AliasName);
    const { value: key, revision } = await kms.key(call, alias.target, { anyState: true });
    await kms.commit(call, {
      writes: [
        remove(aliasPath(call.account, call.region, AliasName), aliasRevision),
        writeKey(withoutAlias(key.record, AliasName), revision),
      ],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
