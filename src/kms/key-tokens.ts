import { changeAccessKeys, type Principals } from "../access/principals.ts";
import { equalBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { type ChangeTokens, readTokens, sameTokens, type Tokens, withTokens } from "../hsm/tokens.ts";
import type { CustomKeyStore } from "../model/custom-key-store.ts";
import { parseJson } from "../model/json.ts";
import type { HbkRecord } from "../model/key.ts";
import { components } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Store, Stored, Write } from "../store/store.ts";
import type { KeyStoresRecord } from "./key-store-records.ts";
import { domainKeyOf, writeHbk } from "./records.ts";

export interface StoredTokensParts {
  readonly store: SealedStore;
  /** Told of what has been committed. */
  readonly forget?: ((writes: readonly Write[]) => void) | undefined;
}

export interface KeyTokensParts extends StoredTokensParts {
  readonly principals: Principals;
}

const pageSize = 256;
/** HBKs that are changed at the same time: one waits for the disk while another is in the HSM. */
const mostInFlight = 8;

/**
 * Offers the tokens of every key to `change`, the store's own and those of credentials too, several at a time, and keeps
 * what it answers.
 * Each is a commit of its own, so that a crash or a conflict leaves the rest for the next run. Answers how many HBKs of KMS
 * keys have other tokens than before.
 */
export async function changeTokens(parts: KeyTokensParts, change: ChangeTokens): Promise<number> {
  const count = await changeStoredTokens(parts, change);
  parts.principals.forget();
  return count;
}

/** `changeTokens` where nobody has cached those of access keys. */
export async function changeStoredTokens(parts: StoredTokensParts, change: ChangeTokens): Promise<number> {
  const { store } = parts;
  await store.changeTokens(change);
  await changeAccessKeys(store, change);
  await changeCredentials(store, change);
  let count = 0;
  await eachInFlight(storedHbks(store), async (stored) => {
    const changed = await changeHbk(parts, stored, change);
    count += changed;
  });
  return count;
}

/** `mostInFlight` at a time; what failed first is thrown when the others have ended. */
async function eachInFlight<Item>(items: AsyncIterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const one = work(item)
      .catch((error) => void failures.push(error))
      .finally(() => inFlight.delete(one));
    inFlight.add(one);
    if (inFlight.size === mostInFlight) await Promise.race(inFlight);
    if (failures.length > 0) break;
  }
  await Promise.all(inFlight);
  if (failures.length > 0) throw failures[0];
}

/** Every token of every key, read from the store itself. */
export async function eachToken(parts: KeyTokensParts, see: (tokens: Tokens) => void): Promise<void> {
  await changeTokens(parts, async (tokens) => {
    see(tokens);
    return tokens;
  });
}

/** The same for one HBK, by its path. */
export async function changeTokensAt(parts: StoredTokensParts, path: string, change: ChangeTokens): Promise<void> {
  const stored = await parts.store.get(path);
  if (stored) await changeHbk(parts, stored, change);
}

async function changeHbk(
  { store, forget }: StoredTokensParts,
  { path, value, revision }: Stored,
  change: ChangeTokens,
): Promise<number> {
  const record = JSON.parse(fromUtf8(value)) as HbkRecord;
  const before = readTokens(record) as Tokens;
  const after = await change(before);
  if (sameTokens(before, after)) return 0;
  const [, region, hbkId] = components(path) as [string, string, string];
  const domainKeys = [...new Set([...record.domainKeys, ...after.map(domainKeyOf)])];
  const write = writeHbk(region, hbkId, { ...withTokens(record, after), domainKeys }, revision);
  try {
    await store.commit([write]);
    forget?.([write]);
    return 1;
  } catch (error) {
    // Deleted or changed by another in the meantime: the next run sees what is there.
    if (error instanceof StoreError && error.kind === "conflict") return 0;
    throw error;
  }
}

/** Of external key store proxies. */
async function changeCredentials(store: SealedStore, change: ChangeTokens): Promise<void> {
  for (const { path, value, revision } of await store.list("key-stores/")) {
    const { stores } = parseJson(fromUtf8(value)) as KeyStoresRecord;
    const changed = await Promise.all(
      stores.map(async (one): Promise<CustomKeyStore> => {
        const before = one.proxy && readTokens(one.proxy);
        const after = before && (await change(before));
        return one.proxy && after ? { ...one, proxy: withTokens(one.proxy, after) } : one;
      }),
    );
    const after = { path, value: utf8(JSON.stringify({ stores: changed } satisfies KeyStoresRecord)), revision };
    if (equalBytes(after.value, value)) continue;
    try {
      await store.commit([after]);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}

/** The record of every HBK, in pages. */
export async function* storedHbks(store: Pick<Store, "list">): AsyncGenerator<Stored> {
  let after: string | undefined;
  do {
    const page = await store.list("hbk/", { limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.length === pageSize ? page.at(-1)?.path : undefined;
  } while (after !== undefined);
}
