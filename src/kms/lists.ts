import type { AliasRecord } from "../model/key.ts";
import type { Call } from "./call.ts";
import type { Finder } from "./find.ts";
import type { ManagedKeys } from "./managed-keys.ts";
import type { Cut, Markers, Page } from "./pagination.ts";
import { aliasPrefix, keyPrefix, type Records } from "./records.ts";

/** An alias; one that is predefined for a service has its name alone until its key is made. */
export type ListedAlias = Pick<AliasRecord, "name"> & Partial<AliasRecord>;

interface ListParts {
  readonly finder: Finder;
  readonly records: Records;
  readonly markers: Markers;
  readonly managed: ManagedKeys;
}

/** What an account has, page by page. Each method that reads records authorizes its caller first. */
export class Lists {
  readonly #parts: ListParts;

  constructor(parts: ListParts) {
    this.#parts = parts;
  }

  /** The ids of the keys of the caller's account and region. */
  async keys(call: Call, page: Page): Promise<Cut<string>> {
    const { finder, markers, records } = this.#parts;
    finder.authorize(call, call.operation);
    const prefix = keyPrefix(call.account, call.region);
    return markers.page(call, page, "", prefix, records, (path) => path.slice(prefix.length));
  }

  /**
   * The aliases of the caller's account and region, those that are predefined for services first, the others in no order
   * that means anything.
   */
  async aliases(call: Call, page: Page): Promise<Cut<ListedAlias>> {
    const { finder, markers, records, managed } = this.#parts;
    finder.authorize(call, call.operation);
    const { account, region } = call;
    const prefix = aliasPrefix(account, region);
    const item = (_path: string, alias: unknown) => alias as AliasRecord;
    const predefined = managed.aliases;
    const { items, ...rest } = await markers.page(call, page, "", prefix, records, item, predefined);
    const found = items.map(async (listed) => {
      if (typeof listed !== "string") return predefined.includes(listed.name) ? [] : [listed];
      return [(await records.alias(account, region, listed))?.value ?? { name: listed }];
    });
    return { items: (await Promise.all(found)).flat(), ...rest };
  }

  /** The aliases of one key of the caller's account: as of all of them, its key policy has no say. */
  async aliasesOf(call: Call, keyId: string, page: Page): Promise<Cut<AliasRecord>> {
    const { finder, markers, records } = this.#parts;
    finder.authorize(call, call.operation);
    const { record, arn } = await finder.ownKey(call, keyId);
    const { items, ...rest } = await markers.slice(call, page, arn, record.aliases);
    const found = await Promise.all(items.map((name) => records.alias(record.account, record.region, name)));
    return { items: found.flatMap((alias) => (alias ? [alias.value] : [])), ...rest };
  }

  /** Cuts a list that is at hand. `scope` binds the marker to what is listed. */
  slice<T>(call: Call, page: Page, scope: string, items: readonly T[]): Promise<Cut<T>> {
    return this.#parts.markers.slice(call, page, scope, items);
  }
}
