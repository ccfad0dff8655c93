import { type CompiledPolicy, compileKeyPolicy } from "../access/policy.ts";
import { fromUtf8, hex, utf8 } from "../base/bytes.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import type { Ekt } from "../hsm/hsm.ts";
import { readTokens, type Tokens } from "../hsm/tokens.ts";
import type { CustomKeyStore } from "../model/custom-key-store.ts";
import { domainKeyIdOf } from "../model/ekt.ts";
import { parseJson } from "../model/json.ts";
import { type AliasRecord, arnOf, type HbkRecord, type KeyRecord, type RemovedHbk } from "../model/key.ts";
import type { KeyState } from "../model/key-spec.ts";
import { components, path } from "../store/path.ts";
import type { Store, Write } from "../store/store.ts";
import { type KeyStoresRecord, keyStoresPath } from "./key-store-records.ts";

/** A record as it was read: `revision` goes into the write that replaces it. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: number;
}

/** A key as decisions need it, its policy compiled. */
export interface LoadedKey {
  readonly record: KeyRecord;
  readonly arn: string;
  readonly policy: CompiledPolicy;
  /** The one that it shows: in a custom key store, that of its record is not. */
  readonly state: KeyState;
  readonly keyStore?: CustomKeyStore;
}

/** One version of a key's material, its tokens decoded. */
export interface LoadedHbk {
  readonly record: HbkRecord;
  readonly tokens: Tokens;
}

export const keyPath = (account: string, region: string, id: string): string => path("key", account, region, id);
export const hbkPath = (region: string, hbkId: string): string => path("hbk", region, hbkId);
/** undefined: not the record of an HBK. */
export function hbkIdAt(recordPath: string): string | undefined {
  const [kind, , hbkId] = components(recordPath);
  return kind === "hbk" ? hbkId : undefined;
}
export const removedPath = (region: string, hbkId: string): string => path("removed", region, hbkId);
export const aliasPath = (account: string, region: string, name: string): string =>
  path("alias", account, region, name);

export const keyPrefix = (account: string, region: string): string => `${path("key", account, region)}/`;
export const aliasPrefix = (account: string, region: string): string => `${path("alias", account, region)}/`;

const json = (value: object): Uint8Array => utf8(JSON.stringify(value));

/** `revision` 0 makes a new record. */
export const writeKey = (key: KeyRecord, revision: number): Write => ({
  path: keyPath(key.account, key.region, key.id),
  value: json(key),
  revision,
});

export const writeHbk = (region: string, hbkId: string, hbk: HbkRecord, revision: number): Write => ({
  path: hbkPath(region, hbkId),
  value: json(hbk),
  revision,
});

export const writeAlias = (account: string, region: string, alias: AliasRecord, revision: number): Write => ({
  path: aliasPath(account, region, alias.name),
  value: json(alias),
  revision,
});

/** The domain key that a token is under. */
export const domainKeyOf = (ekt: Ekt): DomainKeyId => hex(domainKeyIdOf(ekt));

export const remove = (recordPath: string, revision: number): Write => ({
  path: recordPath,
  value: undefined,
  revision,
});

export const loadKey = (record: KeyRecord): LoadedKey => ({
  record,
  arn: arnOf(record),
  policy: compileKeyPolicy(record.policy),
  state: record.state,
});

export const writeRemoved = (hbkId: string, removed: RemovedHbk, revision: number): Write => ({
  path: removedPath(removed.region, hbkId),
  value: json(removed),
  revision,
});

const cacheLimit = 20_000;

/**
 * Reads records, and keeps what it has read for as long as the store says that nobody else has committed.
 * Inside kms/ only: whoever holds it reaches every record without authorization.
 */
export class Records {
  readonly #store: Store;
  #cached = new Map<string, Versioned<unknown>>();
  #version: number;
  /** Grows with every commit of this process: a read that began before one must not be cached after it. */
  #generation = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#version = store.version();
  }

  key(account: string, region: string, id: string): Promise<Versioned<LoadedKey> | undefined> {
    return this.#read(keyPath(account, region, id), loadKey);
  }

  hbk(region: string, hbkId: string): Promise<Versioned<LoadedHbk> | undefined> {
    return this.#read(hbkPath(region, hbkId), (record: HbkRecord) => ({
      record,
      tokens: readTokens(record) as Tokens,
    }));
  }

  /** Of imported material that was deleted. */
  removed(region: string, hbkId: string): Promise<Versioned<RemovedHbk> | undefined> {
    return this.#read(removedPath(region, hbkId), (record: RemovedHbk) => record);
  }

  alias(account: string, region: string, name: string): Promise<Versioned<AliasRecord> | undefined> {
    return this.#read(aliasPath(account, region, name), (record: AliasRecord) => record);
  }

  keyStores(account: string, region: string): Promise<Versioned<KeyStoresRecord> | undefined> {
    return this.#read(keyStoresPath(account, region), (record: KeyStoresRecord) => record);
  }

  /** Forgets what a commit of this process has changed. */
  forget(writes: readonly Pick<Write, "path">[]): void {
    this.#generation += 1;
    for (const write of writes) this.#cached.delete(write.path);
  }

  async list<T>(
    prefix: string,
    limit: number,
    after?: string,
  ): Promise<readonly (Versioned<T> & { readonly path: string })[]> {
    const stored = await this.#store.list(prefix, after === undefined ? { limit } : { limit, after });
    return stored.map(({ path, value, revision }) => ({ path, revision, value: parse<T>(value) }));
  }

  #read<Stored, T>(recordPath: string, load: (stored: Stored) => T): Promise<Versioned<T> | undefined> {
    const version = this.#store.version();
    if (version !== this.#version) {
      this.#version = version;
      this.#cached.clear();
    }
    const known = this.#cached.get(recordPath) as Versioned<T> | undefined;
    return known ? Promise.resolve(known) : this.#fetch(recordPath, load);
  }

  async #fetch<Stored, T>(recordPath: string, load: (stored: Stored) => T): Promise<Versioned<T> | undefined> {
    const [generation, version] = [this.#generation, this.#version];
    const stored = await this.#store.get(recordPath);
    if (!stored) return undefined;
    const record = { value: load(parse<Stored>(stored.value)), revision: stored.revision };
    if (generation === this.#generation && version === this.#version) {
      if (this.#cached.size >= cacheLimit) this.#cached.clear();
      this.#cached.set(recordPath, record);
    }
    return record;
  }
}

const parse = <T>(value: Uint8Array): T => parseJson(fromUtf8(value)) as T;
