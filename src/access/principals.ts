import { type Bytes, utf8 } from "../base/bytes.ts";
import { KmsError, StoreError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { type ChangeTokens, readTokens, sameTokens, type Tokens, withTokens } from "../hsm/tokens.ts";
import { parseArn, rootArn, userArn } from "../model/arn.ts";
import type { Store } from "../store/store.ts";
import type { Principal } from "./authorizer.ts";
import { type CompiledPolicy, compileIdentityPolicy } from "./policy.ts";
import {
  type AccessKeyRecord,
  accessKeyPath,
  accessKeyPrefix,
  everyRecord,
  type Loaded,
  load,
  parseRecord,
  type UserRecord,
  userPath,
  userPrefix,
  writeAccessKey,
} from "./records.ts";

/** An access key and whose it is: the same object for as long as neither has changed. */
export interface AccessKey {
  readonly principal: Principal;
  readonly active: boolean;
  /** Greater whenever the key, its owner or the owner's policies have changed; of this process alone. */
  readonly revision: number;
  /** HMAC-SHA256("AWS4" ‖ secret, date) for `YYYYMMDD`, out of the HSM each time; the caller wipes it. */
  kDate(date: string): Promise<Bytes>;
}

interface Cached {
  readonly accessKey: AccessKey;
  readonly key: Loaded<AccessKeyRecord>;
  readonly user: Loaded<UserRecord>;
  /** The generation in which the records were last read. */
  generation: number;
}

const cacheLimit = 10_000;

/** Who signs requests: access keys and their users, cached until somebody commits, and then read again. */
export class Principals {
  readonly #store: Store;
  readonly #hsms: HsmSet;
  readonly #cached = new Map<string, Cached>();
  /** Apart, so that strangers' ids push out no real ones. */
  readonly #unknown = new Set<string>();
  readonly #loading = new Map<string, Promise<AccessKey | undefined>>();
  #generation = 0;
  #version: number;
  #revisions = 0;

  constructor(store: Store, hsms: HsmSet) {
    this.#store = store;
    this.#hsms = hsms;
    this.#version = store.version();
  }

  /** undefined: there is no such key. Asks no HSM. */
  async lookup(id: string): Promise<AccessKey | undefined> {
    const version = this.#store.version();
    if (version !== this.#version) {
      this.#version = version;
      this.forget();
    }
    const cached = this.#cached.get(id);
    if (cached?.generation === this.#generation) return cached.accessKey;
    if (this.#unknown.has(id) || !accessKeyId.test(id)) return undefined;
    const name = `${this.#generation}/${id}`;
    let loading = this.#loading.get(name);
    if (!loading) {
      loading = this.#load(id).finally(() => this.#loading.delete(name));
      this.#loading.set(name, loading);
    }
    return loading;
  }

  /** After a commit of this process: what is cached must be read again. */
  forget(): void {
    this.#generation += 1;
    this.#unknown.clear();
  }

  /** The id of the user, or of the root of an account that has users, whose ARN is `arn`; undefined: there is none. */
  async idOf(arn: string): Promise<string | undefined> {
    const { account, resource } = parseArn(arn) ?? { account: "", resource: "" };
    if (arn === rootArn(account)) {
      const users = await this.#store.list(userPrefix(account), { limit: 1 });
      return users.length > 0 ? account : undefined;
    }
    const name = resource.slice("user/".length);
    if (arn !== userArn(account, name) || name === "") return undefined;
    return (await load<UserRecord>(this.#store, userPath(account, name)))?.value.id;
  }

  async #load(id: string): Promise<AccessKey | undefined> {
    const generation = this.#generation;
    const key = await load<AccessKeyRecord>(this.#store, accessKeyPath(id));
    const user = key && (await load<UserRecord>(this.#store, userPath(key.value.account, key.value.user)));
    if (user?.value.id !== key?.value.userId || !key || !user) {
      this.#cached.delete(id);
      if (generation === this.#generation && this.#unknown.size < cacheLimit) this.#unknown.add(id);
      return undefined;
    }
    const before = this.#cached.get(id);
    if (before && same(before.key, key) && same(before.user, user)) {
      before.generation = generation;
      return before.accessKey;
    }
    const accessKey = this.#accessKey(key.value, user.value);
    if (this.#cached.size >= cacheLimit) this.#cached.clear();
    this.#cached.set(id, { accessKey, key, user, generation });
    return accessKey;
  }

  #accessKey(key: AccessKeyRecord, user: UserRecord): AccessKey {
    this.#revisions += 1;
    const tokens = tokensOf(key);
    return {
      principal: {
        type: "IAMUser",
        account: user.account,
        arn: userArn(user.account, user.name),
        id: user.id,
        name: user.name,
        accessKeyId: key.id,
        policies: Object.entries(user.policies).map(([name, text]) => compileStored(text, name, user)),
      },
      active: key.active,
      revision: this.#revisions,
      kDate: (date) => this.#hsms.use(tokens, (ekt, hsm) => hsm.mac(ekt, utf8(date))),
    };
  }
}

/**
 * Offers every access key's tokens to `change` and keeps what it answers, if those are others. Each is a commit of its
 * own: what a crash or a conflict leaves is for the next run.
 */
export async function changeAccessKeys(store: Store, change: ChangeTokens): Promise<void> {
  for await (const stored of everyRecord(store, accessKeyPrefix)) {
    const { value, revision } = parseRecord<AccessKeyRecord>(stored);
    const before = tokensOf(value);
    const after = await change(before);
    if (sameTokens(before, after)) continue;
    try {
      await store.commit([writeAccessKey(withTokens(value, after), revision)]);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}

const accessKeyId = /^\w{3,128}$/;

/** A record that was deleted and made again may have the revision of the old one. */
const same = <T>(a: Loaded<T>, b: Loaded<T>): boolean =>
  a.revision === b.revision && JSON.stringify(a.value) === JSON.stringify(b.value);

function tokensOf(key: AccessKeyRecord): Tokens {
  const tokens = readTokens(key);
  if (!tokens) throw new StoreError("corrupt", `the record of access key ${key.id} has no token`);
  return tokens;
}

/** A policy that was good when it was put and is refused now shuts its user out: ignoring it could grant more. */
function compileStored(text: string, name: string, user: UserRecord): CompiledPolicy {
  try {
    return compileIdentityPolicy(text, name);
  } catch (cause) {
    if (!(cause instanceof KmsError)) throw cause;
    const whose = `identity policy ${name} of ${userArn(user.account, user.name)}`;
    throw new StoreError("corrupt", `${whose} does not compile: ${cause.message}`, { cause });
  }
}
