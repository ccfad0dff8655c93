import type { Iam } from "../access/iam.ts";
import { StoreError } from "../base/errors.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";

export interface ResetParts {
  readonly store: SealedStore;
  readonly iam: Iam;
  readonly account: string;
  /** Stays, with its access key. */
  readonly administrator: string;
  readonly forget: (writes: readonly Write[]) => void;
}

/** Material before keys: a key that a client makes meanwhile is left alone, or loses no less than itself. */
const prefixes = ["hbk/", "removed/", "job/", "tombstone/", "key-store-key/", "key-stores/", "usage/", "key/"];
/** Then what clients may have made for those keys until they were gone. */
const namings = ["alias/", "grant/", "grantee/", "retirable/", "grant-name/"];

/** For a developer's next test run: keys, aliases, grants and users are gone, the administrator and the HSM stay. */
export async function reset(parts: ResetParts): Promise<void> {
  const { store, iam, account, administrator } = parts;
  const found = await Promise.all(prefixes.map((prefix) => store.list(prefix)));
  await Promise.all(found.flat().map(({ path }) => remove(parts, path)));
  for (const prefix of namings) {
    const named = await store.list(prefix);
    await Promise.all(named.map(({ path }) => remove(parts, path)));
  }
  for (const user of await iam.listUsers()) {
    if (user.account === account && user.name === administrator) continue;
    for (const id of user.accessKeys) await iam.deleteAccessKey(id);
    await iam.deleteUser(user.account, user.name);
  }
}

/** Whoever may be changing the record. */
async function remove({ store, forget }: ResetParts, path: string): Promise<void> {
  for (let stored = await store.get(path); stored; stored = await store.get(path)) {
    const write: Write = { path, value: undefined, revision: stored.revision };
    try {
      await store.commit([write]);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
    forget([write]);
  }
}
