import { randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes, fromHex, hex } from "../../../base/bytes.ts";
import { ConfigError, HsmError } from "../../../base/errors.ts";
import type { DomainKeyMode } from "../../config.ts";
import type { DomainKeyId, DomainKeyState } from "../../domain-key.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { DataObjects } from "./data-object.ts";
import {
  kekAttributes,
  keysOf,
  macAttributes,
  makeKey,
  privatesAttributes,
  releasingAttributes,
} from "./domain-objects.ts";
import { type DomainEntry, type DomainState, decodeState, encodeState, newest, type Revision } from "./domain-state.ts";
import { proveLocked, requireLocks } from "./locked-mode.ts";
import { trustedKey } from "./trust-attributes.ts";
import { type Keks, proveTrusted, requireTrustable } from "./trusted-mode.ts";
import { isTransportKey } from "./trusted-transport.ts";
import { bestOf, type Wrappings } from "./wrapping.ts";

const mostTries = 8;
/**
 * Between two reads, in milliseconds: SoftHSM 2.6.1 may show another process's objects late, and while one replaces another
 * neither of them.
 */
const lateness = [10, 20, 40];
const empty: DomainState = { mode: "plain", keys: [], pinned: [] };
const usable: readonly DomainKeyState[] = ["readable", "active", "unwrap-only"];

/** One version of the domain key: the AES key that wraps, and the HMAC key of its tokens. */
export interface DomainKeyPair {
  readonly id: Bytes;
  readonly macKeyId: Bytes;
  readonly kek: Handle;
  /** Of private keys. The same as `kek`, unless that is trusted. */
  readonly privates: Handle;
  /** Of kinds that the host is given: `isReleased`. The same as `kek`, unless that is locked or trusted. */
  readonly releasing: Handle;
  readonly mac: Handle;
}

/** The domain's state and keys, as they are in the token. */
export class Domain {
  readonly #token: Cryptoki;
  readonly #objects: DataObjects;
  readonly #pairs = new Map<DomainKeyId, DomainKeyPair>();
  readonly #wrappings: Wrappings;
  #state: DomainState = empty;

  constructor(token: Cryptoki, wrappings: Wrappings) {
    this.#token = token;
    this.#wrappings = wrappings;
    this.#objects = new DataObjects(token, "strongroom domain state");
  }

  get state(): DomainState {
    return this.#state;
  }

  /** What `pair` does not refuse. */
  get usable(): readonly DomainKeyId[] {
    return this.#state.keys.flatMap(({ id, state }) => (usable.includes(state) ? [id] : []));
  }

  get exists(): boolean {
    return this.#revisions().length > 0;
  }

  /** Reads the state again. ConfigError where there is none; `HsmError("unavailable")` where there was one before. */
  load(): DomainState {
    let found = newest(this.#revisions());
    for (const wait of lateness) {
      if (found) break;
      pause(wait);
      found = newest(this.#revisions());
    }
    if (!found) throw this.#state.keys.length === 0 ? notInitialized() : tokenAway();
    this.#state = found.state;
    for (const id of this.#pairs.keys()) if (!this.#isUsable(id)) this.#pairs.delete(id);
    return this.#state;
  }

  active(): DomainKeyPair {
    const entry = this.#state.keys.find(({ state }) => state === "active");
    if (!entry)
      throw this.#state.mode === "trusted" ? untrusted() : new HsmError("internal", "no domain key is active");
    return this.pair(entry.id);
  }

  /**
   * Throws `HsmError("refused")` unless the id is known and its state allows to unwrap. What has a token under a domain key
   * names one that exists: when it is not there yet, another process has made it since the state was read.
   */
  pair(id: DomainKeyId): DomainKeyPair {
    for (const wait of [0, ...lateness]) {
      if (!this.#isToCome(id)) break;
      pause(wait);
      this.load();
    }
    const entry = this.#entry(id);
    if (!entry || !this.#isUsable(id)) {
      throw new HsmError("refused", entry ? `the domain key is ${entry.state}` : "the domain key is not known");
    }
    const pair = this.#pairs.get(id) ?? this.#findPair(entry);
    this.#pairs.set(id, pair);
    return pair;
  }

  #findPair({ id, macKeyId }: DomainEntry): DomainKeyPair {
    const { mode } = this.#state;
    const ids = { id: fromHex(id), macKeyId: fromHex(macKeyId) };
    const mac = this.#findOne(macAttributes(macKeyId));
    if (mode === "trusted") return { ...ids, mac, ...this.#findTrusted(id) };
    const kek = this.#findOne(kekAttributes(id));
    if (mode === "plain") return { ...ids, mac, kek, privates: kek, releasing: kek };
    proveLocked(this.#token, bestOf(this.#wrappings), kek);
    return { ...ids, mac, kek, privates: kek, releasing: this.#findOne(releasingAttributes(id)) };
  }

  #findTrusted(id: DomainKeyId): Keks {
    const trusted = ({ private: _, ...attributes }: Attributes) =>
      this.#findOne({ ...attributes, ...trustedKey, neverExtractable: true });
    const keks = {
      kek: trusted(kekAttributes(id)),
      privates: trusted(privatesAttributes(id)),
      releasing: this.#findOne(releasingAttributes(id)),
    };
    const { keys, pinned } = this.#state;
    const ours = new Set(
      keys.flatMap(({ id }) => [kekAttributes(id), privatesAttributes(id)].map(({ label }) => `${label} ${id}`)),
    );
    proveTrusted(this.#token, bestOf(this.#wrappings), keks, (label, id) => {
      return ours.has(`${label} ${hex(id)}`) || (isTransportKey(label) && pinned.includes(hex(id)));
    });
    return keks;
  }

  /** Whether the domain keys are public objects, as their security officer has made them. */
  get isPublic(): boolean {
    const active = this.#state.keys.find(({ state }) => state === "active");
    return (
      active !== undefined && this.#named(kekAttributes(active.id)).some((key) => !this.#token.read(key, "private"))
    );
  }

  /** Whether the token has a wrapping key of this version, whatever its state. */
  holds(id: DomainKeyId): boolean {
    return this.#named(kekAttributes(id)).length > 0;
  }

  /** The objects of one version. What is asked is read back. */
  generate(id: DomainKeyId, macKeyId: DomainKeyId): void {
    const keys = keysOf(this.#state.mode, () => bestOf(this.#wrappings), { id, macKeyId });
    for (const key of keys) makeKey(this.#token, key);
  }

  /** Whether the token can have domain keys of this mode: `HsmError("unsupported")` with the reason where it cannot. */
  requireMode(mode: DomainKeyMode): void {
    if (mode === "locked") requireLocks(this.#token, bestOf(this.#wrappings));
    if (mode === "trusted") requireTrustable(this.#token, bestOf(this.#wrappings));
  }

  /** Those that are there: a crash may have left some of them. */
  destroy(id: DomainKeyId, macKeyId: DomainKeyId): void {
    const keks = [kekAttributes(id), privatesAttributes(id), releasingAttributes(id)];
    for (const key of [...keks, macAttributes(macKeyId)].flatMap((attributes) => this.#named(attributes))) {
      this.#token.destroy(key);
    }
    this.#pairs.delete(id);
  }

  /**
   * Changes the state, from what it is in the token now. PKCS#11 has no compare-and-set. So the next revision is added
   * beside the present one, which goes only when no other writer's is found beside it; a writer that finds another's
   * withdraws and tries again. A crash leaves one revision or both, and the higher one holds. Two writers can still lose
   * a change where a module shows one process's new objects to another late, as SoftHSM 2.6.1 does: on one machine
   * domain-lock.ts lets them write in turn.
   */
  update(change: (state: DomainState) => DomainState): void {
    for (let tries = 0; tries < mostTries; tries++) {
      const before = newest(this.#revisions());
      const next: Revision = {
        revision: (before?.revision ?? 0) + 1,
        writer: Uint8Array.from(randomBytes(16)),
        state: change(before?.state ?? empty),
      };
      this.#objects.add(encodeState(next));
      const isMine = ({ writer }: Revision) => equalBytes(writer, next.writer);
      if (!this.#revisions().some((other) => other.revision >= next.revision && !isMine(other))) {
        this.#objects.remove((value) => decodeState(value).revision < next.revision);
        this.#state = next.state;
        return;
      }
      this.#objects.remove((value) => isMine(decodeState(value)));
      pause(Math.random() * 100 * 2 ** tries);
    }
    throw new HsmError("unavailable", "others change the domain state all the time");
  }

  #entry(id: DomainKeyId): DomainEntry | undefined {
    return this.#state.keys.find((key) => key.id === id);
  }

  #isToCome(id: DomainKeyId): boolean {
    const entry = this.#entry(id);
    return !entry || entry.state === "reserved";
  }

  #isUsable(id: DomainKeyId): boolean {
    const entry = this.#entry(id);
    return entry !== undefined && usable.includes(entry.state);
  }

  #revisions(): Revision[] {
    return this.#objects.all().map(({ value }) => decodeState(value));
  }

  /** Labels and ids are not unique in a token: another's object beside ours is refused, not chosen from. */
  #findOne(attributes: Attributes): Handle {
    const [key, ...others] = this.#named(attributes);
    if (!key || others.length > 0) {
      const what = `${attributes.label} ${hex(attributes.id as Bytes)}`;
      throw new HsmError("internal", key ? `the token has more than one ${what}` : `the token has lost the ${what}`);
    }
    this.#token.verify(key, attributes);
    return key;
  }

  #named({ label = "", id = new Uint8Array() }: Attributes): Handle[] {
    return this.#token.find({ class: pkcs11js.CKO_SECRET_KEY, token: true, label, id });
  }
}

const notInitialized = () => new ConfigError("the token has no domain key yet: `hsm init` makes one");
const untrusted = () =>
  new ConfigError("the token's domain key waits for its security officer: `strongroom hsm trust` makes it");
const tokenAway = () => new HsmError("unavailable", "the token shows no domain state any more");

/** This process has nothing else to do. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
