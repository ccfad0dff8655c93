import type { DomainKey, DomainKeyId } from "./domain-key.ts";

/**
 * The domain keys that two HSMs both have. There are some where both are of one cluster, or one is a copy of the other: ids
 * are random. Destroyed ones are not there any more.
 */
export function sharedDomainKeys(ours: readonly DomainKey[], theirs: readonly DomainKey[]): readonly DomainKeyId[] {
  const there = new Set(idsThere(theirs));
  return idsThere(ours).filter((id) => there.has(id));
}

const idsThere = (keys: readonly DomainKey[]): DomainKeyId[] =>
  keys.flatMap(({ id, state }) => (state === "destroyed" || state === "reserved" ? [] : [id]));

/** Those that some HSM has destroyed and no other still has. */
export function destroyedEverywhere(all: readonly (readonly DomainKey[])[]): ReadonlySet<DomainKeyId> {
  const keys = all.flat();
  const there = new Set(idsThere(keys));
  return new Set(keys.flatMap(({ id, state }) => (state === "destroyed" && !there.has(id) ? [id] : [])));
}

/** What has to be done where one HSM has a domain key of another and lacks a newer one. */
export const copyLacks = (lacking: string, other: string, id: DomainKeyId): string =>
  `the HSM ${lacking} shares a domain key with ${other} and lacks its newer one, ${id}: bring it there by the means of the HSM, as the first one came`;
