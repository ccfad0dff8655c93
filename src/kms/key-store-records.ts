import { utf8 } from "../base/bytes.ts";
import type { CustomKeyStore } from "../model/custom-key-store.ts";
import type { KeyRecord } from "../model/key.ts";
import { path } from "../store/path.ts";
import type { Write } from "../store/store.ts";

/** The custom key stores of an account and region: at most ten, in one record, so that names and addresses are unique. */
export interface KeyStoresRecord {
  readonly stores: readonly CustomKeyStore[];
}

export const keyStoresPrefix = "key-stores/";
export const keyStoresPath = (account: string, region: string): string => path("key-stores", account, region);

export const writeKeyStores = (
  account: string,
  region: string,
  stores: readonly CustomKeyStore[],
  revision: number,
): Write => ({
  path: keyStoresPath(account, region),
  value: utf8(JSON.stringify({ stores } satisfies KeyStoresRecord)),
  revision,
});

type StoredKey = Pick<KeyRecord, "account" | "region" | "id" | "customKeyStoreId" | "xksKeyId">;

/** One record a key in a custom key store: by it an external key has one KMS key, and a store with keys is not deleted. */
export const membershipPath = ({ account, region, id, customKeyStoreId = "", xksKeyId = id }: StoredKey): string =>
  path("key-store-key", account, region, customKeyStoreId, xksKeyId);

export const membershipPrefix = (account: string, region: string, storeId: string): string =>
  `${path("key-store-key", account, region, storeId)}/`;
