import { randomBytes } from "node:crypto";
import { type Bytes, base64, fromUtf8, hex, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Member } from "../hsm/member.ts";
import { importSigV4Secret } from "../hsm/sigv4-secret.ts";
import {
  type ConnectionErrorCode,
  type CustomKeyStore,
  type CustomKeyStoreType,
  type ProxyConnection,
  typeOfStore,
} from "../model/custom-key-store.ts";
import { parseJson } from "../model/json.ts";
import type { Origin } from "../model/key-spec.ts";
import type { Expectation, Store, Write } from "../store/store.ts";
import type { Call } from "./call.ts";
import { Clusters } from "./clusters.ts";
import type { DomainRecords } from "./domain-record.ts";
import type { ExternalKey } from "./external-key.ts";
import type { Finder, FoundKey } from "./find.ts";
import type { KeyStoreConfig } from "./key-store-config.ts";
import {
  type KeyStoresRecord,
  keyStoresPath,
  membershipPath,
  membershipPrefix,
  writeKeyStores,
} from "./key-store-records.ts";
import type { Records } from "./records.ts";
import { askProxy, connectionError } from "./xks-errors.ts";
import { XksProxies } from "./xks-proxies.ts";

export interface KeyStoreParts {
  readonly store: Store;
  readonly hsms: HsmSet;
  readonly clock: Clock;
  readonly config: KeyStoreConfig;
  readonly finder: Finder;
  readonly records: Records;
  readonly domain: DomainRecords;
}

/** A key store that was found, and how it is changed. */
export interface FoundStore {
  readonly store: CustomKeyStore;
  readonly others: readonly CustomKeyStore[];
  /** Of what it is to be; undefined removes it. */
  write(next: CustomKeyStore | undefined): Write;
}

/** Where a key is made that is to be in a custom key store. */
export interface Placement {
  readonly store: CustomKeyStore;
  readonly record: { readonly origin: Origin; readonly customKeyStoreId: string; readonly xksKeyId?: string };
  /** The name of the HSM that makes its material, where that is not the usual one. */
  readonly hsm?: string;
  /** Go into the commit of the key. */
  readonly writes: readonly Write[];
  readonly expectations: readonly Expectation[];
}

/** What CreateKey says of where. */
export interface PlacementRequest {
  readonly id: string;
  readonly origin: Origin;
  readonly storeId: string;
  readonly xksKeyId: string | undefined;
}

/** Custom key stores as operations reach them: whoever asks has been authorized, or is here. */
export class CustomKeyStores {
  readonly #parts: KeyStoreParts;
  readonly #proxies: XksProxies;
  readonly clusters: Clusters;

  constructor(parts: KeyStoreParts) {
    this.#parts = parts;
    this.clusters = new Clusters(parts.hsms, parts.config.clusters);
    this.#proxies = new XksProxies({
      ...parts,
      routes: parts.config.proxies,
      connection: (account, region, storeId) => this.#stored(account, region, storeId),
    });
  }

  /** Those of the caller's account and region. */
  async all(call: Call): Promise<{ readonly stores: readonly CustomKeyStore[]; readonly revision: number }> {
    this.#parts.finder.authorize(call, call.operation);
    const found = await this.#parts.records.keyStores(call.account, call.region);
    return { stores: found?.value.stores ?? [], revision: found?.revision ?? 0 };
  }

  /** CustomKeyStoreNotFoundException. */
  async one(call: Call, id: string): Promise<FoundStore> {
    this.#parts.finder.authorize(call, call.operation);
    const { store, others, revision } = await this.#find(call, id);
    const write = (next: CustomKeyStore | undefined): Write =>
      writeKeyStores(call.account, call.region, next ? [...others, next] : others, revision);
    return { store, others, write };
  }

  /** A proxy's credential, as a key token, and what the commit expects that holds it. */
  async sealCredential(call: Call, secret: string): Promise<{ ekt: string; expectation: Expectation }> {
    const { hsms, domain } = this.#parts;
    return hsms.anyOf(hsms.keepers, async (hsm, { name }) => {
      const expectation = await domain.expectation(name);
      return { ekt: base64(await importSigV4Secret(hsm, call.account, secret)), expectation };
    });
  }

  /** Throws unless the proxy is one of the configuration, answers, and can serve. */
  checkProxy({ operation, region, caller }: Call, connection: ProxyConnection): Promise<void> {
    const metadata = { kmsOperation: operation, kmsRequestId: caller.requestId };
    return askProxy("keyStore", () => this.#proxies.checkHealth(region, connection, metadata));
  }

  /** Why there is no connection; undefined: there is. For the job that makes it. */
  async connect(
    { proxy, cluster }: CustomKeyStore,
    { region, requestId }: { readonly region: string; readonly requestId: string },
  ): Promise<ConnectionErrorCode | undefined> {
    if (cluster) return this.clusters.connect(cluster);
    const metadata = { kmsOperation: "ConnectCustomKeyStore", kmsRequestId: requestId };
    return connectionError(() => this.#proxies.checkHealth(region, proxy as ProxyConnection, metadata));
  }

  /** Whether keys are in the store, those that wait for their deletion included. */
  async hasKeys(call: Call, { id }: CustomKeyStore): Promise<boolean> {
    const prefix = membershipPrefix(call.account, call.region, id);
    return (await this.#parts.store.list(prefix, { limit: 1 })).length > 0;
  }

  /** Where CreateKey may make a key, for a caller who may. */
  async place(call: Call, { id, origin, storeId, xksKeyId }: PlacementRequest): Promise<Placement> {
    const { account, region } = call;
    const { store, revision } = await this.#find(call, storeId);
    checkOrigin(typeOfStore(store), origin, xksKeyId);
    if (store.state !== "CONNECTED") throw notConnected(store);
    const record = { origin, customKeyStoreId: store.id, ...(xksKeyId !== undefined && { xksKeyId }) };
    const membership = membershipPath({ account, region, id, ...record });
    if (xksKeyId !== undefined) await this.#checkExternalKey(call, store, xksKeyId, membership);
    const hsm = store.cluster && this.#memberOf(store).name;
    return {
      store,
      record,
      ...(hsm !== undefined && { hsm }),
      writes: [{ path: membership, value: utf8(id), revision: 0 }],
      // A store that is deleted has been disconnected before: its record is then another.
      expectations: [{ path: keyStoresPath(account, region), revision }],
    };
  }

  /** From the HSM of an AWS CloudHSM key store, for a caller who may have random bytes. */
  async random(call: Call, id: string, length: number): Promise<Bytes> {
    const { store } = await this.#find(call, id);
    if (store.proxy) {
      throw new KmsError("UnsupportedOperationException", "keyStoreRandom");
    }
    if (store.state !== "CONNECTED") throw notConnected(store);
    return this.#memberOf(store).hsm.random(length);
  }

  /** The outer layer of a key that has one. */
  externalKey(call: Call, { record, arn, keyStore }: FoundKey["value"]): ExternalKey | undefined {
    return keyStore?.proxy && this.#proxies.externalKey(call, keyStore, record, arn);
  }

  async #find(call: Call, id: string) {
    const found = await this.#parts.records.keyStores(call.account, call.region);
    const store = found?.value.stores.find((other) => other.id === id);
    if (!found || !store) throw noStore();
    return { store, others: found.value.stores.filter((other) => other !== store), revision: found.revision };
  }

  /** Of a cluster that the configuration still has. */
  #memberOf({ cluster }: CustomKeyStore): Member {
    const member = cluster && this.clusters.memberOf(cluster.id);
    if (member) return member;
    throw new KmsError("CloudHsmClusterNotFoundException", "cluster");
  }

  async #checkExternalKey(call: Call, store: CustomKeyStore, xksKeyId: string, membership: string): Promise<void> {
    if (await this.#parts.store.get(membership)) {
      throw new KmsError("XksKeyAlreadyInUseException", "key");
    }
    if (await askProxy("createKey", () => this.#proxies.isUsable(call, store, xksKeyId))) return;
    throw new KmsError("XksKeyInvalidConfigurationException", "key");
  }

  async #stored(account: string, region: string, storeId: string): Promise<ProxyConnection | undefined> {
    const stored = await this.#parts.store.get(keyStoresPath(account, region));
    const { stores } = stored ? (parseJson(fromUtf8(stored.value)) as KeyStoresRecord) : { stores: [] };
    return stores.find(({ id }) => id === storeId)?.proxy;
  }
}

export const newStoreId = (): string => `cks-${hex(randomBytes(9)).slice(1)}`;

export const noStore = (): KmsError => new KmsError("CustomKeyStoreNotFoundException", "keyStore");

export const notConnected = ({ id, state }: CustomKeyStore): KmsError =>
  new KmsError("CustomKeyStoreInvalidStateException", "notConnected", { id, state });

function checkOrigin(type: CustomKeyStoreType, origin: Origin, xksKeyId: string | undefined): void {
  if (origin !== type) throw new KmsError("ValidationException", "keyStoreOrigin", { type });
  if (type === "EXTERNAL_KEY_STORE" && xksKeyId === undefined)
    throw new KmsError("ValidationException", "xksKeyIdNeeded");
  if (type === "AWS_CLOUDHSM" && xksKeyId !== undefined) throw new KmsError("ValidationException", "xksKeyIdUnused");
}
