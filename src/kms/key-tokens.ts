import type { Principals } from "../access/principals.ts";
import { fromUtf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { type ChangeTokens, readTokens, sameTokens, type Tokens, withTokens } from "../hsm/tokens.ts";
import type { HbkRecord } from "../model/key.ts";
import { components } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Stored } from "../store/store.ts";
import { domainKeyOf, writeHbk } from "./records.ts";

export interface KeyTokensParts {
  readonly store: SealedStore;
  readonly principals: Principals;
}

const pageSize = 256;

/**
 * Offers the tokens of every key to `change`, the store's own and those of access keys too, and keeps what it answers.
 * Each is a commit of its own, so that a crash or a conflict leaves the rest for the next run. Answers how many HBKs of KMS
 * keys have other tokens than before.
 */
export async function changeTokens({ store, principals }: KeyTokensParts, change: ChangeTokens): Promise<number> {
  await store.changeTokens(change);
  await principals.changeTokens(change);
  let count = 0;
  for await (const stored of hbks(store)) count += await changeHbk(store, stored, change);
  return count;
}

/** Every token of every key, read from the store itself. */
export async function eachToken(parts: KeyTokensParts, see: (tokens: Tokens) => void): Promise<void> {
  await changeTokens(parts, async (tokens) => {
    see(tokens);
    return tokens;
  });
}

async function changeHbk(store: SealedStore, { path, value, revision }: Stored, change: ChangeTokens): Promise<number> {
  const record = JSON.parse(fromUtf8(value)) as HbkRecord;
  const before = readTokens(record) as Tokens;
  const after = await change(before);
  if (sameTokens(before, after)) return 0;
  const [, region, hbkId] = components(path) as [string, string, string];
  const domainKeys = [...new Set([...record.domainKeys, ...after.map(domainKeyOf)])];
  try {
    await store.commit([writeHbk(region, hbkId, { ...withTokens(record, after), domainKeys }, revision)]);
    return 1;
  } catch (error) {
    // Deleted or changed by another in the meantime: the next run sees what is there.
    if (error instanceof StoreError && error.kind === "conflict") return 0;
    throw error;
  }
}

async function* hbks(store: SealedStore): AsyncGenerator<Stored> {
  let after: string | undefined;
  do {
    const page = await store.list("hbk/", { limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.length === pageSize ? page.at(-1)?.path : undefined;
  } while (after !== undefined);
}
