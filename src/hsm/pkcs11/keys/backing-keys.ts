import pkcs11js from "pkcs11js";
import { type Bytes, concat, hex, uint32 } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import { suiteOf } from "../../../model/ciphertext.ts";
import { type EktSuite, ektBody, ektHead, ektSuites, type ParsedEkt, parseEkt } from "../../../model/ekt.ts";
import type { HbkKind, HbkMeta, HbkUsage } from "../../../model/hbk.ts";
import type { Ekt } from "../../hsm.ts";
import { type Attributes, asBuffer } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import type { JobKey } from "../cryptoki/session-pool.ts";
import type { Domain, DomainKeyPair } from "./domain.ts";
import { HandleCache } from "./handle-cache.ts";
import { HbkNames } from "./hbk-names.ts";
import { takeOut } from "./in-the-clear.ts";
import { isReleased, whyKept } from "./kept.ts";
import { isPrivate, namedAs, needsDerivation, usedAs } from "./private-key.ts";
import { unwrapMovable } from "./public-key.ts";
import { ResidentKeys } from "./resident-keys.ts";
import { guardsOf } from "./trust-attributes.ts";
import { bestOf, movable, moving, readable, used, type Wrappings } from "./wrapping.ts";

/** SoftHSM scans all objects when a session opens, and keeps about 10 KB for each. */
const cacheCapacity = 2048;
const cacheTimeToLive = 5 * 60_000;

/** An HBK as it is used: an object that does one thing and nothing else. */
export interface BackingKey {
  readonly meta: HbkMeta;
  readonly hbkId: Bytes;
  /** HBK id 32 ‖ key id 16 ‖ suite 1, of what the key makes and opens; 0 where it does not. */
  readonly identity: Bytes;
  readonly handle: Handle;
  /** An object of the token. */
  readonly resident: boolean;
  /** How many jobs of session-pool.ts work with it: its object is there until they are done. */
  jobs: number;
}

const newKey: Attributes = { ...moving, valueLen: 32 };
/** What `probe` takes a MAC of. */
const probed = uint32(1);

export interface KeysOptions {
  /** Whether others can be derived from kms-symmetric keys. */
  readonly derive?: boolean;
  /** Whether new keys stay in the token. */
  readonly resident?: boolean;
}

/** HBKs inside the token, and the key tokens they travel in. */
export class BackingKeys {
  readonly names: HbkNames;
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  readonly #domain: Domain;
  readonly #wrappings: Wrappings;
  readonly #symmetric: Attributes;
  readonly #resident: ResidentKeys;
  readonly #keepsNew: boolean;
  readonly #cache: HandleCache<BackingKey>;
  /** No longer in the cache, while jobs work with them. */
  readonly #leaving = new Set<JobKey>();
  #unwrapped = 0;

  constructor(
    token: Cryptoki,
    engine: Engine,
    domain: Domain,
    wrappings: Wrappings,
    { derive = false, resident = false }: KeysOptions = {},
  ) {
    this.names = new HbkNames(token, engine);
    this.#symmetric = { derive };
    this.#resident = new ResidentKeys(token, this.#symmetric);
    this.#keepsNew = resident;
    this.#token = token;
    this.#engine = engine;
    this.#domain = domain;
    this.#wrappings = wrappings;
    this.#cache = new HandleCache(cacheCapacity, cacheTimeToLive, (key) => {
      if (key.resident) return;
      if (key.jobs > 0) this.#leaving.add(key);
      else token.destroy(key.handle);
    });
  }

  /** The last job that worked with this key is done. */
  left(key: JobKey): void {
    if (this.#leaving.delete(key)) this.#token.destroy(asBuffer(key.handle));
  }

  /** How many session objects have come and gone: some modules keep memory for each. */
  get unwrapped(): number {
    return this.#unwrapped;
  }

  /** Over `valueLen` bytes that the token makes. */
  generate(meta: HbkMeta, valueLen = 32): Ekt {
    this.#unwrapped += 1;
    const attributes = { ...movable(this.#token, meta), valueLen };
    const key = this.#token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, attributes);
    return this.passing(key, (key) => this.seal(meta, key));
  }

  /** A token over a key that may be moved, under the active domain key; refused unless its name is `hbkId`, if given. */
  seal(meta: HbkMeta, key: Handle, hbkId?: Bytes): Ekt {
    const name = hbkId ? this.names.require(meta, key, hbkId) : this.names.ofSecret(meta, key);
    // Another process may have activated another one: a token under an old one would keep that from being destroyed.
    this.#domain.load();
    const pair = this.#domain.active();
    const { suite, wrapped } = this.#keepsNew ? this.#keep(meta, key, name) : this.#wrap(kekOf(pair, meta), key);
    const body = ektBody(ektHead(suite, pair.id, pair.macKeyId, meta), name, wrapped);
    return concat(body, this.#token.hmac(pair.mac, body));
  }

  #wrap(kek: Handle, key: Handle): Sealed {
    const { suite, wrap } = bestOf(this.#wrappings);
    return { suite, wrapped: wrap(kek, key) };
  }

  #keep(meta: HbkMeta, key: Handle, name: Bytes): Sealed {
    this.#resident.keep(key, name, meta);
    return { suite: ektSuites.resident, wrapped: new Uint8Array() };
  }

  /** The key, ready for use; refused unless the token is authentic and of one of `kinds` and of `usage`. */
  open(ekt: Ekt, kinds: readonly HbkKind[], usage: HbkUsage): BackingKey {
    // The token itself, octet by octet: a hash would cost as much as all else that is done here.
    const name = asBuffer(ekt).toString("latin1");
    const cached = this.#cache.get(name);
    if (cached) {
      requireServes(cached.meta, kinds, usage);
      return cached;
    }
    const parsed = parseEkt(ekt);
    requireServes(parsed.meta, kinds, usage);
    const attributes = { ...usedAs(parsed.meta), ...(parsed.meta.kind === "kms-symmetric" && this.#symmetric) };
    const key = { ...kept(parsed), handle: this.#unwrap(parsed, attributes) };
    this.#cache.set(name, key);
    return key;
  }

  /** The material itself; refused as in `open`. */
  release(ekt: Ekt, kinds: readonly HbkKind[], usage: HbkUsage): Bytes {
    const parsed = parseEkt(ekt);
    requireServes(parsed.meta, kinds, usage);
    return this.#opened(parsed, readable(this.#token), (key) => takeOut(this.#token, key));
  }

  /**
   * For administration: `use` gets a key that may be wrapped again. Refused unless authentic, and where `whyKept` says
   * so.
   */
  move<Answer>(ekt: Ekt, use: (key: Handle, parsed: ParsedEkt) => Answer): Answer {
    const parsed = parseEkt(ekt);
    const reason = whyKept(this.#domain.state.mode, parsed);
    if (reason) throw refused(reason);
    const unwrap = (attributes: Attributes) => this.#unwrap(parsed, attributes);
    return this.passing(unwrapMovable(this.#token, this.#engine, parsed, unwrap), (key) => use(key, parsed));
  }

  /** Refused unless the token opens, and its key's name is `hbkId`. */
  confirm(ekt: Ekt, meta: HbkMeta, hbkId: Bytes): void {
    const locked = this.#domain.state.mode === "locked";
    this.#opened(parseEkt(ekt), locked ? usedAs(meta) : namedAs(meta), (key) => {
      // Under a locked domain key no key derives, as naming it takes: its name was checked before RFC 5649 wrapped it.
      if (!locked || !needsDerivation(meta)) this.names.require(meta, key, hbkId);
    });
  }

  /** Gives `use` a key that does not outlive it. */
  passing<Answer>(key: Handle, use: (key: Handle) => Answer): Answer {
    try {
      return use(key);
    } finally {
      this.#token.destroy(key);
    }
  }

  /** Wraps and unwraps a new key, where keys are wrapped, and computes a MAC. */
  probe({ kek, mac }: DomainKeyPair): void {
    this.#unwrapped += 2;
    this.passing(this.#token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, newKey), (key) => {
      if (this.#keepsNew) {
        wipe(this.#token.hmac(mac, this.#token.hmac(key, probed)));
        return;
      }
      const wrapping = bestOf(this.#wrappings);
      const wrapped = wrapping.wrap(kek, key);
      const attributes = { ...used, ...guardsOf(this.#domain.state.mode, "kms-symmetric") };
      this.passing(wrapping.unwrap(kek, wrapped, attributes), (back) => {
        const macs = [key, back].map((either) => this.#token.hmac(either, this.#token.hmac(mac, wrapped)));
        if (!this.#engine.equal(macs[0] as Bytes, macs[1] as Bytes)) {
          throw new HsmError("internal", "the domain key does not unwrap what it wrapped");
        }
      });
    });
  }

  expire(): void {
    this.#cache.expire();
  }

  forget(): void {
    this.#cache.clear();
  }

  #opened<Answer>(parsed: ParsedEkt, attributes: Attributes, use: (key: Handle) => Answer): Answer {
    const key = this.#unwrap(parsed, attributes);
    return isResident(parsed) ? use(key) : this.passing(key, use);
  }

  #unwrap(parsed: ParsedEkt, attributes: Attributes): Handle {
    try {
      return this.#unwrapNow(parsed, attributes);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      // Another process may have destroyed the domain key: then this refuses.
      this.#domain.load();
      this.#domain.pair(hex(parsed.domainKeyId));
      throw error;
    }
  }

  /** The MAC is checked first: a failure of the module is then a fault of the device, never a stranger's bytes. */
  #unwrapNow(parsed: ParsedEkt, attributes: Attributes): Handle {
    const pair = this.#authenticate(parsed);
    this.#unwrapped += 1;
    if (isResident(parsed)) return this.#openResident(parsed);
    const wrapping = this.#wrappings.find(({ suite }) => suite === parsed.suite);
    if (!wrapping) throw refused("the key token is wrapped in a way that this token lacks");
    const guards = guardsOf(this.#domain.state.mode, parsed.meta.kind);
    return wrapping.unwrap(kekOf(pair, parsed.meta), parsed.wrapped, { ...attributes, ...guards });
  }

  /** The MAC covers no material of such a key: the name tells whether it is the one. */
  #openResident({ meta, hbkId }: ParsedEkt): Handle {
    const key = this.#resident.open(hbkId, meta);
    this.names.require(meta, key, hbkId);
    return key;
  }

  #authenticate({ domainKeyId, macKeyId, head, hbkId, wrapped, tag }: ParsedEkt): DomainKeyPair {
    const pair = this.#domain.pair(hex(domainKeyId));
    const mac = this.#token.hmac(pair.mac, ektBody(head, hbkId, wrapped));
    const authentic = this.#engine.equal(mac, tag) && this.#engine.equal(macKeyId, pair.macKeyId);
    wipe(mac);
    if (!authentic) throw refused("the key token is not authentic");
    return pair;
  }
}

interface Sealed {
  readonly suite: EktSuite;
  readonly wrapped: Bytes;
}

function kekOf({ kek, privates, releasing }: DomainKeyPair, meta: HbkMeta): Handle {
  if (isReleased(meta.kind)) return releasing;
  return isPrivate(meta) ? privates : kek;
}

/** The parts of a parsed token are views of a call's argument, which is wiped when the call ends. */
function kept(parsed: ParsedEkt): Omit<BackingKey, "handle"> {
  const identity = concat(parsed.hbkId, parsed.meta.keyId, Uint8Array.of(suiteOf(parsed.meta.spec)?.code ?? 0));
  const [hbkId, keyId] = [identity.subarray(0, 32), identity.subarray(32, 48)];
  return { meta: { ...parsed.meta, keyId }, hbkId, identity, resident: isResident(parsed), jobs: 0 };
}

const isResident = ({ suite }: ParsedEkt): boolean => suite === ektSuites.resident;

function requireServes(meta: HbkMeta, kinds: readonly HbkKind[], usage: HbkUsage): void {
  if (!kinds.includes(meta.kind) || meta.usage !== usage) throw refused("the key token is of another kind or usage");
}
