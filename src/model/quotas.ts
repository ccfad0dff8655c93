import { KmsError } from "../base/errors.ts";

/**
 * Resource quotas (Developer Guide, "Resource quotas"), and what whoever goes beyond is told. The configuration may change
 * `keysPerRegion`; the others are as AWS has them, and fixed.
 */
const quotas = {
  keysPerRegion: [100_000, "The account has too many KMS keys in this Region."],
  aliasesPerKey: [50, "The key has too many aliases."],
  grantsPerKey: [50_000, "The key has too many grants."],
  customKeyStoresPerRegion: [10, "There are 10 custom key stores already."],
  tagsPerKey: [50, "Too many tags"],
  onDemandRotationsPerKey: [
    25,
    "The on-demand rotations limit has been reached for the given keyId. " +
      "No more on-demand rotations can be performed for this key.",
  ],
} as const;
export type Quota = keyof typeof quotas;

export const quota = (name: Quota): number => quotas[name][0];

/** LimitExceededException when there would be more than `limit`. `subject`: the ARN that the message ends with. */
export function checkQuota(name: Quota, count: number, subject?: string, limit: number = quota(name)): void {
  if (count <= limit) return;
  const text: string = quotas[name][1];
  throw new KmsError("LimitExceededException", subject === undefined ? text : `${text.replace(/\.$/, "")}: ${subject}`);
}
