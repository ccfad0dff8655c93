import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import type { FoundKey } from "../kms/find.ts";
import type { Kms } from "../kms/kms.ts";
import { invalidKeyId } from "../kms/reference.ts";
import { arnOf, type KeyRecord } from "../model/key.ts";
import { quotas } from "../model/quotas.ts";
import { managedPrefix } from "../model/service.ts";

/** Names that CreateAlias takes. */
export function checkAliasName(name: string): void {
  checkAliasPrefix(name);
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw new KmsError("InvalidAliasNameException", "characters");
  }
  if (name.startsWith(managedPrefix)) {
    throw new KmsError("InvalidAliasNameException", "reserved");
  }
}

/**
 * UpdateAlias and DeleteAlias declare no InvalidAliasNameException: a name that CreateAlias takes not is one that is not
 * there, or the policy of an AWS managed key refuses.
 */
export function checkAliasPrefix(name: string): void {
  if (!name.startsWith("alias/")) {
    throw new KmsError("ValidationException", "aliasPrefix");
  }
}

/** Where an alias is to point. Those who set it declare no InvalidArnException for another alias. */
export function targetOf(kms: Kms, call: Call, keyId: string): Promise<FoundKey> {
  if (/^(arn:.*:)?alias\//.test(keyId)) throw invalidKeyId(keyId);
  return kms.key(call, keyId);
}

export function withAlias(key: KeyRecord, name: string): KeyRecord {
  if (key.aliases.length >= quotas.aliasesPerKey) {
    throw new KmsError("LimitExceededException", "aliasesPerKey", { arn: arnOf(key) });
  }
  return { ...key, aliases: [...key.aliases, name] };
}

export const withoutAlias = (key: KeyRecord, name: string): KeyRecord => ({
  ...key,
  aliases: key.aliases.filter((alias) => alias !== name),
});
