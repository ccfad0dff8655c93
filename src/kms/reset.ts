import type { Iam } from "../access/iam.ts";
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

const prefixes = ["alias/", "key/", "hbk/", "job/", "tombstone/"];
const batch = 256;

/** For a developer's next test run: keys, aliases and users are gone, the administrator and the HSM stay. */
export async function reset({ store, iam, account, administrator, forget }: ResetParts): Promise<void> {
  for (const prefix of prefixes) {
    let page = await store.list(prefix, { limit: batch });
    while (page.length > 0) {
      const writes = page.map(({ path, revision }) => ({ path, value: undefined, revision }));
      await store.commit(writes);
      forget(writes);
      page = await store.list(prefix, { limit: batch });
    }
  }
  for (const user of await iam.listUsers(account)) {
    if (user.name === administrator) continue;
    for (const id of user.accessKeys) await iam.deleteAccessKey(id);
    await iam.deleteUser(account, user.name);
  }
}
