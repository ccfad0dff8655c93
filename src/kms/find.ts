import type { Authorizer, Decision, Denial, Principal } from "../access/authorizer.ts";
import { type Conditions, conditionContext } from "../access/context.ts";
import type { GrantUse } from "../access/grant-set.ts";
import { KmsError } from "../base/errors.ts";
import { aliasArn, keyArn, rootArn, shownArn } from "../model/arn.ts";
import { isGrantOperation } from "../model/grant.ts";
import { type AliasRecord, type KeyRecord, lacksMaterial, stateOf } from "../model/key.ts";
import { checkState } from "../model/state-table.ts";
import type { Call } from "./call.ts";
import type { Grantee, GrantRecords } from "./grant-records.ts";
import type { ManagedKeys } from "./managed-keys.ts";
import type { LoadedKey, Records, Versioned } from "./records.ts";
import { parseReference, quotable } from "./reference.ts";

/** What an operation needs of the key that it names. */
export interface KeyNeeds {
  /** IAM action without its prefix; the operation's name unless stated. */
  readonly action?: string | undefined;
  /** Whether an alias may stand for the key: cryptographic operations, DescribeKey and GetPublicKey. */
  readonly aliases?: boolean;
  /** Whether a key of another account may be named by its ARN. */
  readonly crossAccount?: boolean;
  /** Throws when the operation is not for such keys, whatever their state. */
  readonly check?: (key: LoadedKey) => void;
  /** Whether the key's state does not matter: the old target of an alias. */
  readonly anyState?: boolean;
  /** Condition keys of the operation, names as documented: `kms:EncryptionAlgorithm`. */
  readonly conditions?: Conditions;
  /** Those that depend on the key. */
  readonly conditionsOf?: (key: KeyRecord) => Promise<Conditions>;
  /** What grants are held against, beside the action. */
  readonly grants?: Omit<GrantUse, "operation">;
}

export type FoundKey = Versioned<LoadedKey>;

/**
 * Finds, authorizes, then looks at the kind of key and at its state: in that order, so that only a caller who may use a
 * key learns of either, and in AWS's.
 * Nothing here answers a record that its caller may not see.
 */
export class Finder {
  readonly #records: Records;
  readonly #grants: GrantRecords;
  readonly #authorizer: Authorizer;
  readonly #managed: ManagedKeys;

  constructor(records: Records, grants: GrantRecords, authorizer: Authorizer, managed: ManagedKeys) {
    this.#records = records;
    this.#grants = grants;
    this.#authorizer = authorizer;
    this.#managed = managed;
  }

  /** The key that `keyId` names, if the caller may do the operation on it now. */
  async key(call: Call, keyId: string, needs: KeyNeeds = {}): Promise<FoundKey> {
    const reference = parseReference(keyId, call);
    if (reference.account !== call.account && !needs.crossAccount) this.#deny(call, needs, keyId);
    if (reference.kind === "key") {
      return this.#check(call, reference.account, reference.id, needs);
    }
    if (!needs.aliases) throw new KmsError("InvalidArnException", "alias");
    const alias = await this.#records.alias(reference.account, call.region, reference.name);
    if (alias) {
      const conditions: Conditions = [...(needs.conditions ?? []), ["kms:RequestAlias", reference.name]];
      return this.#check(call, reference.account, alias.value.target, { ...needs, conditions });
    }
    const managed = this.#managed.proposal(call, reference.account, reference.name);
    if (managed && (await this.#decide(call, needs, managed)).allowed) {
      await this.#managed.make(managed);
      return this.key(call, keyId, needs);
    }
    const arn = quotable(aliasArn(call.region, reference.account, reference.name));
    this.#allowedToMiss(call, reference.account, arn, needs);
    throw new KmsError("NotFoundException", "alias", { arn });
  }

  /** A key of the caller's account, for a caller who may know of all of them: identity policies have decided. */
  async ownKey(call: Call, keyId: string): Promise<LoadedKey> {
    const reference = parseReference(keyId, call);
    if (reference.account !== call.account) this.#deny(call, {}, keyId);
    if (reference.kind !== "key") throw new KmsError("InvalidArnException", "alias");
    const found = await this.#records.key(call.account, call.region, reference.id);
    if (!found || isDue(found.value, call.now)) return this.#missing(call, call.account, reference.id, {});
    call.names(found.value.arn, call.account);
    return found.value;
  }

  /** By the HBK that a ciphertext names. Whatever is wrong, the answer is the same. */
  async keyOfHbk(call: Call, hbkId: string, needs: KeyNeeds): Promise<FoundKey> {
    const found = await this.#ownerOf(call.region, hbkId);
    if (!found || !(await this.#decide(call, needs, found.value)).allowed) {
      throw new KmsError("AccessDeniedException", "ciphertext");
    }
    call.names(found.value.arn, found.value.record.account);
    return this.#inItsState(call, found, needs);
  }

  async #ownerOf(region: string, hbkId: string): Promise<FoundKey | undefined> {
    const hbk = await this.#records.hbk(region, hbkId);
    if (hbk) return this.#records.key(hbk.value.record.account, region, hbk.value.record.keyId);
    const removed = await this.#records.removed(region, hbkId);
    return removed && this.#records.key(removed.value.account, region, removed.value.id);
  }

  /** An alias of the caller's account; authorized on the alias itself, by identity policies. */
  async alias(call: Call, name: string): Promise<Versioned<AliasRecord>> {
    const arn = aliasArn(call.region, call.account, name);
    this.authorize(call, call.operation, arn);
    const alias = await this.#records.alias(call.account, call.region, name);
    if (!alias) throw new KmsError("NotFoundException", "alias", { arn: quotable(arn) });
    return alias;
  }

  /** Authorized on an alias that is to be made; AlreadyExistsException when there is one. */
  async noAlias(call: Call, name: string): Promise<void> {
    const arn = aliasArn(call.region, call.account, name);
    this.authorize(call, call.operation, arn);
    if (await this.#records.alias(call.account, call.region, name)) {
      throw new KmsError("AlreadyExistsException", "alias", { arn });
    }
  }

  /** Actions that identity policies decide alone. */
  authorize(call: Call, action: string, resource = "*", conditions?: Conditions): void {
    const decision = this.#authorizer.decide({
      principal: call.caller.principal,
      action: `kms:${action}`,
      resource,
      owner: call.account,
      context: conditionContext(call.caller, conditions),
    });
    if (!decision.allowed) throw denied(call, action, resource, decision.denial);
  }

  async #check(call: Call, account: string, id: string, needs: KeyNeeds): Promise<FoundKey> {
    const found = await this.#records.key(account, call.region, id);
    if (!found || isDue(found.value, call.now)) return this.#missing(call, account, id, needs);
    const decision = await this.#decide(call, needs, found.value);
    call.names(found.value.arn, account);
    if (!decision.allowed) {
      throw denied(call, needs.action ?? call.operation, found.value.arn, decision.denial);
    }
    return this.#inItsState(call, found, needs);
  }

  /** Keys outside of custom key stores need no look at another record. */
  #inItsState(call: Call, found: FoundKey, needs: KeyNeeds): FoundKey | Promise<FoundKey> {
    const check = (key: FoundKey): FoundKey => {
      const { record, arn, state } = key.value;
      needs.check?.(key.value);
      if (!needs.anyState) checkState(call.operation, lacksMaterial(record, call.now) ? "PendingImport" : state, arn);
      return key;
    };
    return found.value.record.customKeyStoreId === undefined ? check(found) : this.#placed(found).then(check);
  }

  /** A key in a custom key store is in the state that the store lets it be in. */
  async #placed({ value, revision }: FoundKey): Promise<FoundKey> {
    const { account, region, customKeyStoreId } = value.record;
    const found = await this.#records.keyStores(account, region);
    const keyStore = found?.value.stores.find(({ id }) => id === customKeyStoreId);
    const state = stateOf(value.record, keyStore);
    return { value: { ...value, state, ...(keyStore && { keyStore }) }, revision };
  }

  #missing(call: Call, account: string, id: string, needs: KeyNeeds): never {
    const arn = keyArn(call.region, account, id);
    this.#allowedToMiss(call, account, arn, needs);
    throw new KmsError("NotFoundException", "key", { arn });
  }

  /**
   * Only a caller whose identity policies allow the action on such a key or alias learns that there is none; in another
   * account a key policy would have to, so nobody does.
   */
  #allowedToMiss(call: Call, account: string, arn: string, needs: KeyNeeds): void {
    const action = needs.action ?? call.operation;
    if (account !== call.account) {
      throw denied(call, action, arn, "noResourcePolicy");
    }
    this.authorize(call, action, arn, needs.conditions);
  }

  #deny(call: Call, needs: KeyNeeds, keyId: string): never {
    throw denied(call, needs.action ?? call.operation, quotable(keyId), "foreignOperation");
  }

  /** Grants are looked for when policies do not allow: what the policies do allow costs no more for them. */
  async #decide(call: Call, needs: KeyNeeds, key: LoadedKey): Promise<Decision> {
    const { record } = key;
    const { principal } = call.caller;
    const operation = needs.action ?? call.operation;
    const conditions = needs.conditionsOf
      ? [...(needs.conditions ?? []), ...(await needs.conditionsOf(record))]
      : needs.conditions;
    const request = {
      principal,
      action: `kms:${operation}`,
      resource: key.arn,
      owner: record.account,
      keyPolicy: key.policy,
      context: conditionContext(call.caller, conditions, record),
    };
    const decision = this.#authorizer.decide(request);
    if (decision.allowed || !isGrantOperation(operation)) return decision;
    const use = { ...needs.grants, operation, sourceArn: call.caller.source?.arn };
    const grantees = granteesOf(principal);
    const find = async (to: keyof typeof grantees) => {
      const sets = await Promise.all(grantees[to].map((grantee) => this.#grants.of(record, grantee)));
      return sets.map((set) => set.find(use)).find((id) => id !== undefined);
    };
    const granted = { caller: await find("caller"), account: await find("account") };
    return this.#authorizer.decide({ ...request, grants: (to) => granted[to] });
  }
}

/** As which a principal may have been granted something. */
export const granteesOf = ({
  arn,
  id,
  account,
  serviceNames,
}: Principal): Record<"caller" | "account", readonly Grantee[]> => ({
  caller: serviceNames ? serviceNames.map((name) => ({ arn: name, id: undefined })) : [{ arn, id }],
  account: [{ arn: rootArn(account), id: account }],
});

/** At its deletion date a key is gone for everyone, whether or not its record has been destroyed yet. */
export const isDue = (key: LoadedKey, now: number): boolean =>
  key.record.deletionDate !== undefined && key.record.deletionDate <= now;

export function denied(call: Call, action: string, resource: string, denial: Denial = "noPolicy"): KmsError {
  const values = { principal: shownArn(call.caller.principal.arn, call.region), action: `kms:${action}`, resource };
  return new KmsError("AccessDeniedException", denial, values);
}
