import { type Actor, buildEvent } from "../audit/event.ts";
import type { Outbox } from "../audit/outbox.ts";
import { base64 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { importSigV4Secret } from "../hsm/sigv4-secret.ts";
import type { StoredTokens } from "../hsm/tokens.ts";
import { userArn } from "../model/arn.ts";
import { limits } from "../model/quotas.ts";
import type { Expectation, Store, Write } from "../store/store.ts";
import { compileIdentityPolicy } from "./policy.ts";
import type { Principals } from "./principals.ts";
import {
  type AccessKeyRecord,
  accessKeyPath,
  everyRecord,
  everyUserPrefix,
  type Loaded,
  load,
  parseRecord,
  type UserRecord,
  userPath,
  userPrefix,
  writeAccessKey,
  writeUser,
} from "./records.ts";

export interface IamParts {
  readonly store: Store;
  readonly hsms: HsmSet;
  readonly outbox: Outbox;
  readonly principals: Principals;
  readonly clock: Clock;
  /** Who administers, for the events. */
  readonly actor: Actor;
  /** What a commit that contains a key token of the HSM expects: that its domain key has not been changed meanwhile. */
  readonly domainExpectation: (hsm: string) => Promise<Expectation>;
}

/**
 * Administration of users, their access keys and policies. Every change is one transaction with its audit event. What
 * is refused is a KmsError; a StoreError("conflict") says that somebody else was at the same record: try again.
 */
export class Iam {
  readonly #parts: IamParts;

  constructor(parts: IamParts) {
    this.#parts = parts;
  }

  async createUser(account: string, name: string): Promise<UserRecord> {
    if (!/^\d{12}$/.test(account)) throw new KmsError("ValidationException", "account");
    checkName(name, 64, "a user name");
    if (await load(this.#parts.store, userPath(account, name))) {
      throw new KmsError("AlreadyExistsException", "user", { name });
    }
    const id = `AIDA${base32(await this.#parts.hsms.random(10))}`;
    const user: UserRecord = { name, account, id, createdAt: this.#now(), policies: {}, accessKeys: [] };
    const shown = {
      user: { userName: name, userId: id, arn: userArn(account, name), createDate: iso(user.createdAt) },
    };
    await this.#commit("CreateUser", { userName: name }, [writeUser(user, 0)], shown);
    return user;
  }

  /** Refused while the user has access keys: they are deleted first, by name. */
  async deleteUser(account: string, name: string): Promise<void> {
    const { value, revision } = await this.#user(account, name);
    if (value.accessKeys.length > 0) throw new KmsError("ConflictException", "accessKeys", { name });
    await this.#commit("DeleteUser", { userName: name }, [
      { path: userPath(account, name), value: undefined, revision },
    ]);
  }

  /** Of every account when none is given. */
  async listUsers(account?: string): Promise<readonly UserRecord[]> {
    const users: UserRecord[] = [];
    const prefix = account === undefined ? everyUserPrefix : userPrefix(account);
    for await (const stored of everyRecord(this.#parts.store, prefix)) {
      users.push(parseRecord<UserRecord>(stored).value);
    }
    return users.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The policies of a user, by name. */
  async userPolicies(account: string, name: string): Promise<Readonly<Record<string, string>>> {
    return (await this.#user(account, name)).value.policies;
  }

  /** MalformedPolicyDocumentException when it does not compile. */
  async putUserPolicy(account: string, name: string, policyName: string, policy: string): Promise<void> {
    checkName(policyName, 128, "a policy name");
    compileIdentityPolicy(policy, policyName);
    const { value, revision } = await this.#user(account, name);
    const user = { ...value, policies: { ...value.policies, [policyName]: policy } };
    const asked = { userName: name, policyName, policyDocument: policy };
    await this.#commit("PutUserPolicy", asked, [writeUser(user, revision)]);
  }

  async deleteUserPolicy(account: string, name: string, policyName: string): Promise<void> {
    const { value, revision } = await this.#user(account, name);
    if (!Object.hasOwn(value.policies, policyName)) throw new KmsError("NotFoundException", "userPolicy", { name });
    const { [policyName]: _deleted, ...policies } = value.policies;
    const write = writeUser({ ...value, policies }, revision);
    await this.#commit("DeleteUserPolicy", { userName: name, policyName }, [write]);
  }

  /** The secret is answered here and nowhere else: the store has it under the domain key only. */
  async createAccessKey(
    account: string,
    name: string,
    given?: { readonly id: string; readonly secret: string },
  ): Promise<{ accessKeyId: string; secretAccessKey: string }> {
    const { value, revision } = await this.#user(account, name);
    const limit = limits.accessKeysPerUser;
    if (value.accessKeys.length >= limit) {
      throw new KmsError("LimitExceededException", "accessKeysPerUser", { name, limit });
    }
    const { id, secret } = given ? checked(given) : await this.#newAccessKey();
    if (await load(this.#parts.store, accessKeyPath(id))) {
      throw new KmsError("AlreadyExistsException", "accessKey", { id });
    }
    const { hsms, domainExpectation } = this.#parts;
    const { ekt, expectation } = await hsms.anyOf(hsms.keepers, async (hsm, member) => {
      const expectation = await domainExpectation(member.name);
      return { expectation, ekt: base64(await importSigV4Secret(hsm, account, secret)) };
    });
    const createdAt = this.#now();
    const key: AccessKeyRecord = { id, account, user: name, userId: value.id, active: true, createdAt, ekt };
    const user = { ...value, accessKeys: [...value.accessKeys, id] };
    const shown = { accessKey: { userName: name, accessKeyId: id, status: "Active", createDate: iso(createdAt) } };
    const writes = [writeAccessKey(key, 0), writeUser(user, revision)];
    await this.#commit("CreateAccessKey", { userName: name }, writes, shown, [expectation]);
    return { accessKeyId: id, secretAccessKey: secret };
  }

  async deleteAccessKey(id: string): Promise<void> {
    const key = await this.#accessKey(id);
    const { value, revision } = await this.#user(key.value.account, key.value.user);
    const user = { ...value, accessKeys: value.accessKeys.filter((other) => other !== id) };
    const writes = [{ path: accessKeyPath(id), value: undefined, revision: key.revision }, writeUser(user, revision)];
    await this.#commit("DeleteAccessKey", { userName: value.name, accessKeyId: id }, writes);
  }

  async setAccessKeyActive(id: string, active: boolean): Promise<void> {
    const { value, revision } = await this.#accessKey(id);
    const asked = { userName: value.user, accessKeyId: id, status: active ? "Active" : "Inactive" };
    await this.#commit("UpdateAccessKey", asked, [writeAccessKey({ ...value, active }, revision)]);
  }

  async listAccessKeys(account: string, name: string): Promise<readonly Omit<AccessKeyRecord, keyof StoredTokens>[]> {
    const { value } = await this.#user(account, name);
    const keys = await Promise.all(value.accessKeys.map((id) => this.#accessKey(id)));
    return keys.map(({ value: { ekt: _ekt, replicas: _replicas, ...shown } }) => shown);
  }

  async #user(account: string, name: string): Promise<Loaded<UserRecord>> {
    checkName(name, 64, "a user name");
    const user = await load<UserRecord>(this.#parts.store, userPath(account, name));
    if (!user) throw new KmsError("NotFoundException", "user", { name });
    return user;
  }

  async #accessKey(id: string): Promise<Loaded<AccessKeyRecord>> {
    if (!accessKeyId.test(id)) throw new KmsError("ValidationException", "accessKeyId");
    const key = await load<AccessKeyRecord>(this.#parts.store, accessKeyPath(id));
    if (!key) throw new KmsError("NotFoundException", "accessKey", { id });
    return key;
  }

  async #newAccessKey(): Promise<{ id: string; secret: string }> {
    const { hsms } = this.#parts;
    const id = `AKIA${base32(await hsms.random(10))}`;
    const bytes = await hsms.random(30);
    const secret = base64(bytes);
    wipe(bytes);
    return { id, secret };
  }

  async #commit(
    name: string,
    requestParameters: Readonly<Record<string, unknown>>,
    writes: readonly Write[],
    responseElements: Readonly<Record<string, unknown>> | null = null,
    expectations: readonly Expectation[] = [],
  ): Promise<void> {
    const { actor, outbox, principals, clock } = this.#parts;
    const what = { name, requestParameters, responseElements, readOnly: false, source: "iam.amazonaws.com" } as const;
    await outbox.commit(writes, buildEvent({ actor, time: clock.real(), ...what }), expectations);
    principals.forget();
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

const accessKeyId = /^\w{3,128}$/;
const iso = (time: number): string => new Date(time).toISOString();

function checkName(name: string, longest: number, what: "a user name" | "a policy name"): void {
  if (!/^[\w+=,.@-]+$/.test(name) || name.length > longest) {
    throw new KmsError("ValidationException", "iamName", { what, longest });
  }
}

function checked({ id, secret }: { readonly id: string; readonly secret: string }) {
  if (!accessKeyId.test(id)) throw new KmsError("ValidationException", "accessKeyId");
  if (!/^[\x21-\x7e]{4,128}$/.test(secret)) throw new KmsError("ValidationException", "accessKeySecret");
  return { id, secret };
}

/** RFC 4648 §6, of bytes whose number is a multiple of five. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.replace(/.{5}/g, (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".charAt(Number.parseInt(five, 2)));
}
