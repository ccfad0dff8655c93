import { KmsError } from "../base/errors.ts";
import { quotas } from "../model/quotas.ts";
import type { TypeOf } from "../model/shape.ts";
import type { tags } from "./members.ts";

type Tags = TypeOf<typeof tags>;

/** `added` over `present`, in the order in which they came. */
export function mergeTags(present: Readonly<Record<string, string>>, added: Tags): Record<string, string> {
  const names = added.map(({ TagKey }) => TagKey);
  checkTagKeys(names);
  if (new Set(names).size < names.length) throw new KmsError("TagException", "duplicate");
  // A null prototype: `__proto__` is a tag key like any other.
  const merged: Record<string, string> = Object.assign(Object.create(null), present);
  for (const { TagKey, TagValue } of added) merged[TagKey] = TagValue;
  if (Object.keys(merged).length > quotas.tagsPerKey) throw new KmsError("LimitExceededException", "tagsPerKey");
  return merged;
}

export function checkTagKeys(names: readonly string[]): void {
  if (names.some((name) => name.startsWith("aws:"))) {
    throw new KmsError("TagException", "reserved");
  }
}

/** aws:RequestTag/<key> and aws:TagKeys. */
export function tagConditions(added: Tags): Map<string, string | readonly string[]> {
  const conditions = new Map<string, string | readonly string[]>();
  for (const { TagKey, TagValue } of added) conditions.set(`aws:RequestTag/${TagKey}`, TagValue);
  if (added.length > 0) {
    conditions.set(
      "aws:TagKeys",
      added.map(({ TagKey }) => TagKey),
    );
  }
  return conditions;
}
