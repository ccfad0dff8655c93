import { KmsError } from "../base/errors.ts";
import { quotas } from "../model/quotas.ts";
import type { Store } from "../store/store.ts";
import { keyPrefix } from "./records.ts";

/**
 * The quota of keys in an account and region. Counting walks over them, so what is known goes by what this process has
 * made since, and the rest is counted again when that comes to the quota: exact because one process serves a store. With
 * more, each could go beyond by what the others have made since it counted.
 */
export class KeyQuota {
  readonly #store: Store;
  readonly #limit: number;
  /** By prefix: no more than that. */
  readonly #counts = new Map<string, number>();

  constructor(store: Store, limit: number = quotas.keysPerRegion) {
    this.#store = store;
    this.#limit = limit;
  }

  /** LimitExceededException when one more is too many. `uncounted`: keys that are there, but count for nobody. */
  async check(account: string, region: string, uncounted: () => Promise<number>): Promise<void> {
    const prefix = keyPrefix(account, region);
    const known = this.#counts.get(prefix);
    if (known === undefined || known >= this.#limit) {
      this.#counts.set(prefix, (await this.#store.count(prefix)) - (await uncounted()));
    }
    const count = (this.#counts.get(prefix) as number) + 1;
    if (count > this.#limit) throw new KmsError("LimitExceededException", "keysPerRegion");
    this.#counts.set(prefix, count);
  }
}
