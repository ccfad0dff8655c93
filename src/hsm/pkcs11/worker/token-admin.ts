import { randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, fromHex, hex } from "../../../base/bytes.ts";
import { ConfigError, HsmError, refused } from "../../../base/errors.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { TransportKey } from "../../admin.ts";
import type { DomainKeyMode } from "../../config.ts";
import type { DomainKey, DomainKeyId, DomainKeyState } from "../../domain-key.ts";
import type { Ekt } from "../../hsm.ts";
import { CryptokiError } from "../cryptoki/cryptoki.ts";
import type { BackingKeys } from "../keys/backing-keys.ts";
import type { Domain } from "../keys/domain.ts";
import type { DomainEntry, DomainState } from "../keys/domain-state.ts";
import type { ResidentKeys } from "../keys/resident-keys.ts";
import { checkTransportKey } from "../keys/transport-key.ts";
import type { MethodOf } from "../protocol.ts";
import { rewrap } from "./rewrap.ts";
import type { Transport } from "./transport.ts";

/** The domain key's first version, in a token that has none; what a crash left of an earlier try is no hindrance. */
export function initDomain(domain: Domain, mode: DomainKeyMode = "plain"): void {
  const begun = domain.exists ? domain.load() : undefined;
  if (begun?.keys.some(({ state }) => state !== "reserved" && state !== "readable")) {
    throw new ConfigError("the token has a domain key already");
  }
  if (begun?.mode === "trusted") throw new ConfigError("the token waits for its security officer: `hsm trust`");
  domain.requireMode(mode);
  domain.update((state) => ({ ...state, mode }));
  // The security officer's ceremony makes its keys.
  if (mode === "trusted") return;
  const first = addDomainKey(domain);
  domain.update((state) => moved(state, first, ["readable"], "active"));
}

/** `HsmAdmin` as the worker serves it, one call after the other: the contracts are those of hsm/admin.ts. */
export class TokenAdmin implements Record<MethodOf<"admin">, (...args: never[]) => unknown> {
  readonly #domain: Domain;
  readonly #keys: BackingKeys;
  readonly #transport: Transport;
  readonly #resident: ResidentKeys;

  constructor(domain: Domain, keys: BackingKeys, transport: Transport, resident: ResidentKeys) {
    this.#resident = resident;
    this.#domain = domain;
    this.#keys = keys;
    this.#transport = transport;
  }

  domainKeys(): DomainKey[] {
    this.#domain.load();
    return this.#domain.state.keys.map(({ id, state, since }) => ({ id, state, since }));
  }

  addDomainKey(): DomainKeyId {
    if (this.#domain.load().mode === "trusted") {
      throw new HsmError("unsupported", "a security officer makes the domain keys of this HSM: --so-pin");
    }
    return addDomainKey(this.#domain);
  }

  activateDomainKey(id: DomainKeyId): void {
    activate(this.#domain, this.#keys, id);
  }

  quarantineDomainKey(id: DomainKeyId): void {
    this.#domain.update((state) => moved(state, id, ["unwrap-only"], "quarantined"));
  }

  /**
   * Also a reserved one, which a crash left. The state changes last: after a crash in between, the command can be given
   * again.
   */
  destroyDomainKey(id: DomainKeyId): void {
    this.#domain.load();
    const destroyed = (state: DomainState) => moved(state, id, ["quarantined", "reserved"], "destroyed");
    destroyed(this.#domain.state);
    this.#domain.destroy(id, entryOf(this.#domain.state, id).macKeyId);
    this.#domain.update(destroyed);
  }

  rewrap(ekt: Ekt): Ekt {
    return rewrap(this.#domain, this.#keys, ekt);
  }

  transportKey(): TransportKey {
    return this.#transport.own();
  }

  pinTransportKey(key: TransportKey): void {
    const fingerprint = checkTransportKey(key);
    this.#domain.update((state) => ({ ...state, pinned: [...new Set([...state.pinned, fingerprint])] }));
  }

  pinnedTransportKeys(): readonly string[] {
    return this.#domain.load().pinned;
  }

  unpinTransportKey(fingerprint: string): boolean {
    this.#transport.distrust(fingerprint);
    if (!this.#domain.load().pinned.includes(fingerprint)) return false;
    this.#domain.update((state) => ({ ...state, pinned: state.pinned.filter((pin) => pin !== fingerprint) }));
    return true;
  }

  exportTo(ekt: Ekt, target: TransportKey): Bytes {
    this.#domain.load();
    if (!this.#domain.state.pinned.includes(checkTransportKey(target))) {
      throw refused("the transport key is not pinned");
    }
    const { mode } = this.#domain.state;
    return this.#keys.move(ekt, (key, { meta }) => this.#transport.wrap(key, meta, target, mode === "trusted"));
  }

  residentKeys(): string[] {
    return this.#resident.names();
  }

  destroyResidentKey(hbkId: string): void {
    this.#resident.destroy(fromHex(hbkId));
  }

  importFrom(meta: HbkMeta, hbkId: Bytes, exported: Bytes): Ekt {
    this.#domain.load();
    try {
      const ekt = this.#keys.passing(this.#transport.unwrap(exported, meta, hbkId), (key) =>
        this.#keys.seal(meta, key, hbkId),
      );
      this.#keys.confirm(ekt, meta, hbkId);
      return ekt;
    } catch (error) {
      if (meta.spec !== "SM4" || !isTooShort(error)) throw error;
      throw new HsmError("unsupported", "the token computes no HMAC with a key as short as this one");
    }
  }
}

function addDomainKey(domain: Domain): DomainKeyId {
  const { id, macKeyId } = reserve(domain);
  domain.generate(id, macKeyId);
  domain.update((state) => moved(state, id, ["reserved"], "readable"));
  return id;
}

/** The id is reserved before the keys exist: a crash leaves no key without a name. */
export function reserve(domain: Domain): DomainEntry {
  const entry: DomainEntry = { id: newId(), macKeyId: newId(), state: "reserved", since: Date.now() };
  domain.update((state) => ({ ...state, keys: [...state.keys, entry] }));
  return entry;
}

export function activate(domain: Domain, keys: BackingKeys, id: DomainKeyId): void {
  domain.load();
  keys.probe(domain.pair(id));
  domain.update((state) => {
    const before = state.keys.find((key) => key.state === "active");
    const retired = before && before.id !== id ? moved(state, before.id, ["active"], "unwrap-only") : state;
    return moved(retired, id, ["readable"], "active");
  });
}

export function moved(
  state: DomainState,
  id: DomainKeyId,
  from: readonly DomainKeyState[],
  to: DomainKeyState,
): DomainState {
  const entry = entryOf(state, id);
  if (!from.includes(entry.state)) throw refused(`the domain key is ${entry.state}, not ${from.join(" or ")}`);
  const keys = state.keys.map((key) => (key === entry ? { ...key, state: to, since: Date.now() } : key));
  return { ...state, keys };
}

function entryOf(state: DomainState, id: DomainKeyId): DomainEntry {
  const entry = state.keys.find((key) => key.id === id);
  if (!entry) throw refused("there is no such domain key");
  return entry;
}

const newId = (): DomainKeyId => hex(randomBytes(16));

/** SoftHSM2 wants 32 octets; SM4 keys that come from outside have 16. */
const isTooShort = (error: unknown): boolean =>
  error instanceof CryptokiError && error.code === pkcs11js.CKR_KEY_SIZE_RANGE;
