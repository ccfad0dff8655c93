import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { GrantSet } from "../access/grant-set.ts";
import { everyRecord } from "../access/records.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { parseArn } from "../model/arn.ts";
import type { GrantPrincipal, GrantRecord, GrantTerms } from "../model/grant.ts";
import { parseJson } from "../model/json.ts";
import type { KeyRecord } from "../model/key.ts";
import { components, path } from "../store/path.ts";
import type { Store, Write } from "../store/store.ts";
import { remove } from "./records.ts";

export type KeyName = Pick<KeyRecord, "account" | "region" | "id">;

/** To whom something may be granted; a service has its name for an ARN, and no id. */
export type Grantee = Pick<GrantPrincipal, "arn"> & { readonly id: string | undefined };

/** By grantee, for decisions: they need no other record. */
interface GranteeRecord {
  readonly granteeId: string | undefined;
  readonly terms: GrantTerms;
}

/** By who may retire it, over all keys: says where the grant is. */
type RetirableRecord = Pick<GrantRecord, "account" | "region" | "keyId" | "id">;

const grantPath = (key: KeyName, id: string): string => path("grant", key.account, key.region, key.id, id);
export const grantPrefix = (key: KeyName): string => `${path("grant", key.account, key.region, key.id)}/`;
/** `grantee`: an ARN or a service. */
export const granteePrefix = (key: KeyName, grantee: string): string =>
  `${path("grantee", key.account, key.region, key.id, grantee)}/`;
/** `retiring`: an ARN, and then the account is its own, or a service, and then it is the key's. */
export const retirablePrefix = (account: string, region: string, retiring: string): string =>
  `${path("retirable", account, region, retiring)}/`;

const keyOf = ({ account, region, keyId }: GrantRecord): KeyName => ({ account, region, id: keyId });

const granteePath = (grant: GrantRecord): string =>
  granteePrefix(keyOf(grant), grant.grantee?.arn ?? (grant.granteeService as string)) + grant.id;

function retirablePath({ account, region, id, retiring, retiringService }: GrantRecord): string | undefined {
  if (retiring) return retirablePrefix(parseArn(retiring.arn)?.account ?? account, region, retiring.arn) + id;
  return retiringService && retirablePrefix(account, region, retiringService) + id;
}

/** Where a grant with a name is found again by a request that has the same name and parameters. */
export function namePath(grant: GrantRecord): string | undefined {
  const { account, region, keyId, name, grantee, granteeService, retiring, retiringService, constraints = {} } = grant;
  if (name === undefined) return undefined;
  const sorted = (context: object = {}) => Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset, SourceArn } = constraints;
  const parameters = JSON.stringify([
    name,
    grant.issuingAccount,
    [grantee?.id, granteeService, retiring?.id, retiringService],
    [...grant.operations].sort(),
    [equals && sorted(equals), subset && sorted(subset), SourceArn],
  ]);
  return path("grant-name", account, region, keyId, createHash("sha256").update(parameters).digest("hex"));
}

const json = (value: object): Uint8Array => utf8(JSON.stringify(value));

/** The grant, and all that leads to it. */
export function writeGrant(grant: GrantRecord): Write[] {
  const { account, region, keyId, id, operations, constraints, grantee } = grant;
  const terms: GrantTerms = constraints ? { operations, constraints } : { operations };
  const place: RetirableRecord = { account, region, keyId, id };
  const [retirable, name] = [retirablePath(grant), namePath(grant)];
  return [
    { path: grantPath(keyOf(grant), id), value: json(grant), revision: 0 },
    { path: granteePath(grant), value: json({ granteeId: grantee?.id, terms } satisfies GranteeRecord), revision: 0 },
    ...(retirable ? [{ path: retirable, value: json(place), revision: 0 }] : []),
    ...(name ? [{ path: name, value: json({ id }), revision: 0 }] : []),
  ];
}

/** No record of a grant is ever written a second time. */
export const removeGrant = (grant: GrantRecord): Write[] =>
  [grantPath(keyOf(grant), grant.id), granteePath(grant), retirablePath(grant), namePath(grant)]
    .filter((recordPath) => recordPath !== undefined)
    .map((recordPath) => remove(recordPath, 1));

/** The grants of one grantee on one key, in memory. */
interface Held {
  readonly name: string;
  readonly prefix: string;
  readonly granteeId: string | undefined;
  readonly set: GrantSet;
  /** Ids of grants that this process has made or removed since. */
  stale: Set<string>;
  ready: Promise<GrantSet>;
}

/** Grantees that are held. */
const granteeLimit = 20_000;
/** Records that are read before others get their turn. */
const breath = 256;

/**
 * Reads grants, and holds those of the grantees who were asked for while the store says that nobody else has committed.
 * Inside kms/ only: whoever has it reaches every grant without authorization.
 */
export class GrantRecords {
  readonly #store: Store;
  readonly #held = new Map<string, Held>();
  /** By prefix: no fewer grants than the key has, as far as this process knows. */
  readonly #counts = new Map<string, number>();
  readonly #limit: number;
  #grants = 0;
  #version: number;

  /** `limit`: grants that are held. */
  constructor(store: Store, limit = 131_072) {
    this.#store = store;
    this.#limit = limit;
    this.#version = store.version();
  }

  async get(key: KeyName, id: string): Promise<GrantRecord | undefined> {
    const stored = await this.#store.get(grantPath(key, id));
    return stored && (parseJson(fromUtf8(stored.value)) as GrantRecord);
  }

  /** The grant that has the name and the parameters of `grant`. */
  async namesake(grant: GrantRecord): Promise<GrantRecord | undefined> {
    const name = namePath(grant);
    const stored = name === undefined ? undefined : await this.#store.get(name);
    return stored && this.get(keyOf(grant), (JSON.parse(fromUtf8(stored.value)) as { id: string }).id);
  }

  /**
   * Whether a key has `quota` grants. Counting walks over them (measured: 20 ms for 50,000), so what is known goes by
   * what this process has made since, and the rest is counted again when that comes to the quota.
   */
  async full(key: KeyName, quota: number): Promise<boolean> {
    this.#followOthers();
    const prefix = grantPrefix(key);
    const atMost = this.#counts.get(prefix);
    if (atMost !== undefined && atMost < quota) return false;
    const count = await this.#store.count(prefix);
    if (this.#counts.size >= granteeLimit) this.#counts.clear();
    this.#counts.set(prefix, count);
    return count >= quota;
  }

  /** What is granted to a principal on a key, as of the last commit that was answered. */
  of(key: KeyName, grantee: Grantee): Promise<GrantSet> {
    this.#followOthers();
    const name = heldName(key.account, key.region, key.id, grantee.arn);
    const held = this.#held.get(name);
    if (!held || held.granteeId !== grantee.id) return this.#hold(name, key, grantee);
    if (held.stale.size > 0) {
      held.ready = held.ready.then(() => this.#settle(held, () => this.#refresh(held)));
    }
    return held.ready;
  }

  /** After a commit of this process, whatever came of it: the grants that it was about are read again. */
  forget(writes: readonly Write[]): void {
    for (const write of writes) {
      if (!write.path.startsWith("grantee/")) continue;
      const [, account, region, id, grantee, grant] = components(write.path) as unknown as GranteePath;
      this.#held.get(heldName(account, region, id, grantee))?.stale.add(grant);
      const prefix = grantPrefix({ account, region, id });
      const count = this.#counts.get(prefix);
      if (count !== undefined && write.value) this.#counts.set(prefix, count + 1);
    }
  }

  #followOthers(): void {
    const version = this.#store.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#counts.clear();
    this.#drop();
  }

  #hold(name: string, key: KeyName, grantee: Grantee): Promise<GrantSet> {
    if (this.#held.size >= granteeLimit) this.#drop();
    const prefix = granteePrefix(key, grantee.arn);
    const set = new GrantSet();
    const held: Held = { name, prefix, granteeId: grantee.id, set, stale: new Set(), ready: Promise.resolve(set) };
    this.#held.set(name, held);
    held.ready = this.#settle(held, () => this.#load(held));
    return held.ready;
  }

  async #load({ prefix, set, granteeId }: Held): Promise<void> {
    let read = 0;
    for await (const { path: recordPath, value } of everyRecord(this.#store, prefix)) {
      take(set, granteeId, recordPath.slice(prefix.length), value);
      if (++read % breath === 0) await setImmediate();
    }
  }

  async #refresh(held: Held): Promise<void> {
    const ids = held.stale;
    held.stale = new Set();
    for (const id of ids) {
      const stored = await this.#store.get(held.prefix + id);
      if (stored) take(held.set, held.granteeId, id, stored.value);
      else held.set.remove(id);
    }
  }

  /** What could not be read is not held; nor is more than the limit, but for the newest; nor what was dropped meanwhile. */
  async #settle(held: Held, read: () => Promise<void>): Promise<GrantSet> {
    const before = held.set.size;
    try {
      await read();
    } catch (error) {
      if (this.#held.get(held.name) === held) this.#held.delete(held.name);
      throw error;
    }
    if (this.#held.get(held.name) !== held) return held.set;
    this.#grants += held.set.size - before;
    if (this.#grants > this.#limit) {
      this.#drop();
      this.#grants = held.set.size;
      this.#held.set(held.name, held);
    }
    return held.set;
  }

  #drop(): void {
    this.#held.clear();
    this.#grants = 0;
  }
}

function take(set: GrantSet, granteeId: string | undefined, id: string, value: Uint8Array): void {
  const record = parseJson(fromUtf8(value)) as GranteeRecord;
  if (record.granteeId === granteeId) set.add(id, record.terms);
}

type GranteePath = readonly ["grantee", account: string, region: string, key: string, grantee: string, grant: string];

/** None of the first three can hold a slash. */
const heldName = (account: string, region: string, keyId: string, grantee: string): string =>
  `${account}/${region}/${keyId}/${grantee}`;
