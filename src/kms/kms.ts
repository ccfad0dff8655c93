import type { Authorizer } from "../access/authorizer.ts";
import type { Principals } from "../access/principals.ts";
import type { Attestation, Recipient } from "../attestation/attestation.ts";
import type { AuditEvent, AuditSink } from "../audit/audit.ts";
import type { Outbox } from "../audit/outbox.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError, StoreError } from "../base/errors.ts";
import { Asymmetric } from "../engine/asymmetric/asymmetric.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { AliasRecord, KeyRecord } from "../model/key.ts";
import type { HbkSpec, KeyUsage } from "../model/key-spec.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Expectation, Write } from "../store/store.ts";
import { Call } from "./call.ts";
import type { Caller } from "./caller.ts";
import { CustomKeyStores } from "./custom-key-stores.ts";
import { DomainRecords } from "./domain-record.ts";
import { callEvent } from "./events.ts";
import { Finder, type FoundKey, type KeyNeeds } from "./find.ts";
import { GrantRecords } from "./grant-records.ts";
import { Grants } from "./grants.ts";
import { Imports } from "./imports.ts";
import { checkPolicy, type PolicyProposal } from "./key-policy.ts";
import { KeyQuota } from "./key-quota.ts";
import { type KeyStoreConfig, noKeyStores } from "./key-store-config.ts";
import { LastUsage } from "./last-usage.ts";
import { Lists } from "./lists.ts";
import { ManagedKeys } from "./managed-keys.ts";
import { type NewMaterial, newMaterial } from "./material.ts";
import { MultiRegion } from "./multi-region.ts";
import { Markers } from "./pagination.ts";
import { Records, type Versioned } from "./records.ts";
import { type Rotation, rotate } from "./rotation.ts";
import { Seal } from "./seal.ts";
import { ServiceCallers, type ServiceUsers } from "./service-callers.ts";
import { type UsableKey, type UseNeeds, useKey, useKeyOf, type Workshop } from "./use.ts";

export interface KmsParts {
  readonly store: SealedStore;
  readonly hsms: HsmSet;
  /** Those that it serves. */
  readonly regions: readonly string[];
  readonly authorizer: Authorizer;
  readonly principals: Principals;
  readonly sink: AuditSink;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** By names as in `alias/aws/<name>`. Absent: there are none. */
  readonly services?: ServiceUsers | undefined;
  /** By names like `s3.amazonaws.com`. Absent: there are none. */
  readonly servicePrincipals?: ServiceUsers | undefined;
  /** Absent: nobody is a recipient. */
  readonly attestation?: Attestation | undefined;
  /** Absent: there are no custom key stores. */
  readonly keyStores?: KeyStoreConfig | undefined;
  readonly quotas?: { readonly keysPerRegion?: number } | undefined;
}

/** A change of the store, told by its event in the same transaction. */
export interface Change {
  readonly writes: readonly Write[];
  readonly expectations?: readonly Expectation[];
  /** What it tells beside the call's own event: in other regions, and of the service. */
  readonly events?: readonly AuditEvent[];
  /** CloudTrail's `responseElements`. */
  readonly responseElements: Readonly<Record<string, unknown>>;
}

/**
 * What every operation needs, and all that it can reach: each method that answers records or uses a key authorizes its
 * caller first.
 */
export class Kms {
  readonly principals: Principals;
  readonly domain: DomainRecords;
  readonly grants: Grants;
  readonly keyStores: CustomKeyStores;
  readonly lists: Lists;
  /** Of keys that were found. */
  readonly imports: Imports;
  readonly multiRegion: MultiRegion;
  /** Of keys that were found. */
  readonly lastUsage: LastUsage;
  readonly #store: SealedStore;
  readonly #regions: readonly string[];
  readonly #authorizer: Authorizer;
  readonly #hsms: HsmSet;
  readonly #sink: AuditSink;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #watchers = new Map<string, (path: string) => void>();
  readonly #records: Records;
  readonly #grants: GrantRecords;
  readonly #finder: Finder;
  readonly #workshop: Workshop;
  readonly #managed: ManagedKeys;
  readonly #services: ServiceCallers;
  readonly #attestation: Attestation | undefined;
  readonly #keyQuota: KeyQuota;

  constructor(parts: KmsParts) {
    const { store, hsms, authorizer, outbox, services = {}, servicePrincipals = {} } = parts;
    const records = new Records(store);
    const grants = new GrantRecords(store);
    const seal = new Seal(store);
    const markers = new Markers(seal);
    const domain = new DomainRecords(store);
    const names = Object.keys(services);
    const managed = new ManagedKeys({ services: names, records, hsms, domain, outbox, forget: this.forget });
    const finder = new Finder(records, grants, authorizer, managed);
    const config = parts.keyStores ?? noKeyStores;
    this.principals = parts.principals;
    this.domain = domain;
    this.grants = new Grants({ ...parts, finder, records, grants, markers, seal });
    this.keyStores = new CustomKeyStores({ ...parts, config, finder, records, domain });
    this.lists = new Lists({ finder, records, markers, managed });
    this.multiRegion = new MultiRegion({ ...parts, domain });
    this.imports = new Imports({ ...parts, records, domain, regions: this.multiRegion, seal });
    this.lastUsage = new LastUsage(store);
    this.#store = store;
    this.#regions = parts.regions;
    this.#authorizer = authorizer;
    this.#hsms = hsms;
    this.#sink = parts.sink;
    this.#outbox = outbox;
    this.#clock = parts.clock;
    this.#records = records;
    this.#grants = grants;
    this.#finder = finder;
    this.#workshop = { finder, records, hsms, keyStores: this.keyStores, asymmetric: new Asymmetric() };
    this.#managed = managed;
    this.#services = new ServiceCallers(services, servicePrincipals);
    this.#attestation = parts.attestation;
    this.#keyQuota = new KeyQuota(store, parts.quotas?.keysPerRegion);
  }

  /** The regions that are served. */
  get regions(): readonly string[] {
    return this.#regions;
  }

  /** Throws unless the event of this call could be written. */
  begin(operation: string, caller: Caller): Call {
    this.#sink.reserve();
    return new Call(operation, this.#services.known(caller), this.#clock.now());
  }

  /** Actions that name no key. */
  authorize(call: Call, action = call.operation, resource?: string, conditions?: KeyNeeds["conditions"]): void {
    this.#finder.authorize(call, action, resource, conditions);
  }

  /** The key's record, for operations that manage it. */
  key(call: Call, keyId: string, needs?: KeyNeeds): Promise<FoundKey> {
    return this.#finder.key(call, keyId, needs);
  }

  alias(call: Call, name: string): Promise<Versioned<AliasRecord>> {
    return this.#finder.alias(call, name);
  }

  /** Whether the caller may make the alias; AlreadyExistsException when it is there. */
  noAlias(call: Call, name: string): Promise<void> {
    return this.#finder.noAlias(call, name);
  }

  /** The key, to be used. */
  use(call: Call, keyId: string, needs: UseNeeds): Promise<UsableKey> {
    return useKey(this.#workshop, call, keyId, needs);
  }

  /** The key whose material made `ciphertext`, to be used. */
  useKeyOf(call: Call, ciphertext: Bytes, needs: UseNeeds): Promise<UsableKey> {
    return useKeyOf(this.#workshop, call, ciphertext, needs);
  }

  random(call: Call, length: number, conditions: KeyNeeds["conditions"]): Promise<Bytes> {
    this.authorize(call, call.operation, "*", conditions);
    return this.#hsms.random(length);
  }

  /** The environment that has signed the document, which proves nothing about the caller: policies look at it. */
  recipient(document: Bytes): Recipient {
    if (this.#attestation) return this.#attestation.verify(document);
    throw new KmsError("UnsupportedOperationException", "recipient");
  }

  /** Why a key of this spec and usage cannot be made here; undefined when it can. */
  refusal(spec: HbkSpec, usage: KeyUsage): string | undefined {
    const chosen = this.#hsms.forSpec(spec, usage);
    return "refusal" in chosen ? chosen.refusal : undefined;
  }

  /** Throws unless `policy` can be put on the key. */
  checkPolicy(call: Call, proposal: PolicyProposal): Promise<void> {
    return checkPolicy(this.#authorizer, this.principals, call, proposal);
  }

  /**
   * LimitExceededException when the account has all the keys that it may have in the region. AWS managed keys and AWS
   * owned keys count for nobody (Developer Guide, "Resource quotas").
   */
  async checkKeyQuota(call: Call): Promise<void> {
    if (call.caller.principal.type === "AWSService") return;
    const { account, region } = call;
    await this.#keyQuota.check(account, region, () => this.#managed.count(account, region));
  }

  /** A fresh HBK for a key that is being made, and what commits it. */
  newMaterial(key: NewMaterial) {
    return newMaterial(this.#hsms, this.domain, key);
  }

  /** New material for a key that was found, and what commits it. */
  rotate(call: Call, key: KeyRecord, revision: number): Promise<Rotation> {
    const parts = { hsms: this.#hsms, domain: this.domain, regions: this.multiRegion };
    return rotate(parts, { key, revision, type: "ON_DEMAND", now: call.now });
  }

  /** For whoever commits changes of records elsewhere. */
  readonly forget = (writes: readonly Write[]): void => {
    this.#records.forget(writes);
    this.#grants.forget(writes);
    for (const { path, value } of writes) if (value) this.#watchers.get(path.slice(0, path.indexOf("/")))?.(path);
  };

  /** `tell` hears the path of every record of a kind, `hbk`, that this process commits. */
  watch(kind: string, tell: (path: string) => void): void {
    this.#watchers.set(kind, tell);
  }

  /** All of the change, and its event durable in the log; or `StoreError("conflict")`: the operation is then run again. */
  async commit(call: Call, { writes, expectations, events = [], responseElements }: Change): Promise<void> {
    const event = callEvent(call, { readOnly: false, responseElements });
    call.told = true;
    try {
      await this.#outbox.commit(writes, [event, ...events], expectations);
    } catch (error) {
      if (error instanceof StoreError) call.told = false;
      throw error;
    } finally {
      this.forget(writes);
    }
  }

  /** A commit that deletes material: nothing of it is left in the store's files when it resolves. */
  async destroy(call: Call, change: Change): Promise<void> {
    await this.#store.anchor();
    await this.commit(call, change);
    await this.#store.scrub();
  }

  /** Resolves when the event of the call is durable in the log. Once, last. */
  async conclude(call: Call, readOnly: boolean, error?: KmsError): Promise<void> {
    if (!call.told) await this.#sink.append(callEvent(call, { readOnly, error }));
    if (!error) this.lastUsage.record(call);
  }
}
