import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { StoredTokens } from "../hsm/tokens.ts";
import { parseJson } from "../model/json.ts";
import { path } from "../store/path.ts";
import type { Store, Stored, Write } from "../store/store.ts";

/** One user of an account, with what is attached to it. */
export interface UserRecord {
  readonly name: string;
  readonly account: string;
  /** `AIDA…`: a user who is made again under the same name is another one. */
  readonly id: string;
  /** Milliseconds. */
  readonly createdAt: number;
  /** Identity policies by name, as they were put. */
  readonly policies: Readonly<Record<string, string>>;
  readonly accessKeys: readonly string[];
}

/** The tokens are over `"AWS4" ‖ secret`; they change when a domain key does. */
export interface AccessKeyRecord extends StoredTokens {
  readonly id: string;
  readonly account: string;
  readonly user: string;
  readonly userId: string;
  readonly active: boolean;
  /** Milliseconds. */
  readonly createdAt: number;
}

export interface Loaded<T> {
  readonly value: T;
  readonly revision: number;
}

export const userPath = (account: string, name: string): string => path("principal", account, name);
export const everyUserPrefix = "principal/";
export const userPrefix = (account: string): string => `${path("principal", account)}/`;
export const accessKeyPath = (id: string): string => path("access-key", id);
export const accessKeyPrefix = "access-key/";

export const parseRecord = <T>({ value, revision }: Stored): Loaded<T> => ({
  value: parseJson(fromUtf8(value)) as T,
  revision,
});

export async function load<T>(store: Store, recordPath: string): Promise<Loaded<T> | undefined> {
  const stored = await store.get(recordPath);
  return stored && parseRecord<T>(stored);
}

/** `revision` 0 makes a new record. */
export const writeUser = (user: UserRecord, revision: number): Write => ({
  path: userPath(user.account, user.name),
  value: utf8(JSON.stringify(user)),
  revision,
});

export const writeAccessKey = (key: AccessKeyRecord, revision: number): Write => ({
  path: accessKeyPath(key.id),
  value: utf8(JSON.stringify(key)),
  revision,
});

/** Every record under a prefix, page by page. */
export async function* everyRecord(store: Store, prefix: string): AsyncGenerator<Stored> {
  const limit = 256;
  let after: string | undefined;
  do {
    const page = await store.list(prefix, after === undefined ? { limit } : { limit, after });
    yield* page;
    after = page.length === limit ? page.at(-1)?.path : undefined;
  } while (after !== undefined);
}
