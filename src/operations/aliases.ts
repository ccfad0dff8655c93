import { KmsError } from "../base/errors.ts";
import type { KeyRecord } from "../model/key.ts";

export const aliasQuota = 50;

/** Names that CreateAlias and UpdateAlias take. */
export function checkAliasName(name: string): void {
  if (!name.startsWith("alias/")) {
    throw new KmsError(
      "ValidationException",
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  }
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw new KmsError("InvalidAliasNameException", "The alias name contains characters that are not allowed.");
  }
  if (name.startsWith("alias/aws/")) {
    throw new KmsError("InvalidAliasNameException", "Alias names that begin with alias/aws/ are reserved.");
  }
}

export function withAlias(key: KeyRecord, name: string): KeyRecord {
  if (key.aliases.length >= aliasQuota) throw new KmsError("LimitExceededException", "The key has too many aliases.");
  return { ...key, aliases: [...key.aliases, name] };
}

export const withoutAlias = (key: KeyRecord, name: string): KeyRecord => ({
  ...key,
  aliases: key.aliases.filter((alias) => alias !== name),
});
