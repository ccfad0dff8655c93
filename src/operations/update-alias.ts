import { KmsError } from "../base/errors.ts";
import { writeAlias, writeKey } from "../kms/records.ts";
import { keyTypeOf } from "../model/algorithms.ts";
import { structure } from "../model/shape.ts";
import { checkAliasPrefix, targetOf, withAlias, withoutAlias } from "./aliases.ts";
import { aliasName, keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** Needs the permission on the alias and on both keys. */
export const updateAlias = operation({
  name: "UpdateAlias",
  readOnly: false,
  request: structure({ AliasName: aliasName, TargetKeyId: keyId }),

  async run(kms, call, { AliasName, TargetKeyId }) {
    checkAliasPrefix(AliasName);
    const { value: alias, revision: aliasRevision } = await kms.alias(call, AliasName);
    const old = await kms.key(call, alias.target, { anyState: true });
    const target = await targetOf(kms, call, TargetKeyId);
    const [from, to] = [old.value.record, target.value.record];
    if (keyTypeOf(from.spec) !== keyTypeOf(to.spec) || from.usage !== to.usage) {
      throw new KmsError("KMSInvalidStateException", "aliasTarget");
    }
    const moved = { ...alias, target: to.id, updatedAt: call.now };
    const aliasWrite = writeAlias(call.account, call.region, moved, aliasRevision);
    const keyWrites =
      from.id === to.id
        ? []
        : [writeKey(withoutAlias(from, AliasName), old.revision), writeKey(withAlias(to, AliasName), target.revision)];
    await kms.commit(call, { writes: [aliasWrite, ...keyWrites], responseElements: { keyId: target.value.arn } });
    return undefined;
  },
});
