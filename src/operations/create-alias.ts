import { writeAlias, writeKey } from "../kms/records.ts";
import { structure } from "../model/shape.ts";
import { checkAliasName, targetOf, withAlias } from "./aliases.ts";
import { aliasName, keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** Needs the permission on the alias and on the key. */
export const createAlias = operation({
  name: "CreateAlias",
  readOnly: false,
  request: structure({ AliasName: aliasName, TargetKeyId: keyId }),

  async run(kms, call, { AliasName, TargetKeyId }) {
    checkAliasName(AliasName);
    await kms.noAlias(call, AliasName);
    const { value: key, revision } = await targetOf(kms, call, TargetKeyId);
    const alias = { name: AliasName, target: key.record.id, createdAt: call.now, updatedAt: call.now };
    await kms.commit(call, {
      writes: [writeAlias(call.account, call.region, alias, 0), writeKey(withAlias(key.record, AliasName), revision)],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
