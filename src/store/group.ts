import { StoreError } from "../base/errors.ts";
import type { Manifest } from "./manifest.ts";
import type { Write } from "./store.ts";

/** A commit that waits for its turn, by stored paths. */
export interface Pending {
  readonly writes: readonly PendingWrite[];
  readonly expectations: readonly { readonly stored: string; readonly revision: number }[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface PendingWrite extends Write {
  readonly stored: string;
}

/** Most writes of one group: a change names each of them. */
const groupLimit = 256;

/**
 * Takes from `queue` the commits that can share one transaction and one change. Those that do not fit the manifest are
 * conflicts, and told so; those that depend on a write of this group stay for the next.
 */
export function takeGroup(queue: Pending[], manifest: Manifest): Pending[] {
  const group: Pending[] = [];
  const later: Pending[] = [];
  const written = new Set<string>();
  for (const pending of queue.splice(0)) {
    const { writes, expectations } = pending;
    const full = group.length > 0 && written.size + writes.length > groupLimit;
    if (full || [...writes, ...expectations].some(({ stored }) => written.has(stored))) later.push(pending);
    else if (!fits(pending, manifest)) pending.reject(new StoreError("conflict", "a record has changed meanwhile"));
    else {
      group.push(pending);
      for (const { stored } of writes) written.add(stored);
    }
  }
  queue.push(...later);
  return group;
}

function fits({ writes, expectations }: Pending, manifest: Manifest): boolean {
  const distinct = new Set(writes.map(({ stored }) => stored)).size === writes.length;
  return (
    distinct && [...writes, ...expectations].every(({ stored, revision }) => manifest.revision(stored) === revision)
  );
}
