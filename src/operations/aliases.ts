import { KmsError } from "../base/errors.ts";
import type { KeyRecord } from "../model/key.ts";
import { checkQuota } from "../model/quotas.ts";
import { managedPrefix } from "../model/service.ts";

/** Names that CreateAlias takes. */
export function checkAliasName(name: string): void {
  checkAliasPrefix(name);
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw new KmsError("InvalidAliasNameException", "The alias name contains characters that are not allowed.");
  }
  if (name.startsWith(managedPrefix)) {
    throw new KmsError("InvalidAliasNameException", "Alias names that begin with alias/aws/ are reserved.");
  }
}

/**
 * UpdateAlias and DeleteAlias declare no InvalidAliasNameException: a name that CreateAlias takes not is one that is not
 * there, or the policy of an AWS managed key refuses.
 */
export function checkAliasPrefix(name: string): void {
  if (!name.startsWith("alias/")) {
    throw new KmsError(
      "ValidationException",
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  }
}

export function withAlias(key: KeyRecord, name: string): KeyRecord {
  checkQuota("aliasesPerKey", key.aliases.length + 1);
  return { ...key, aliases: [...key.aliases, name] };
}

export const withoutAlias = (key: KeyRecord, name: string): KeyRecord => ({
  ...key,
  aliases: key.aliases.filter((alias) => alias !== name),
});
