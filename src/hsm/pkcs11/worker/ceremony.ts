import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes, hex } from "../../../base/bytes.ts";
import { ConfigError, HsmError, refused } from "../../../base/errors.ts";
import type { CeremonyReport, TransportKey } from "../../admin.ts";
import type { DomainKeyId } from "../../domain-key.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import type { Domain } from "../keys/domain.ts";
import { keysToTrust, makeKey, type NewKey } from "../keys/domain-objects.ts";
import { bringInKnown } from "../keys/in-the-clear.ts";
import { checkTransportKey } from "../keys/transport-key.ts";
import { trustedAes, trustedRsa } from "../keys/trusted-transport.ts";
import { bestOf, knownKey, moving, type Wrapping } from "../keys/wrapping.ts";
import type { Greeting } from "../protocol.ts";
import type { OpenToken } from "./service.ts";
import { activate, moved, reserve } from "./token-admin.ts";
import { Transport } from "./transport.ts";

interface Pins {
  readonly pin: Bytes;
  /** Without it, what an officer has done by other means is looked at. */
  readonly soPin?: Bytes | undefined;
}

/**
 * Makes the keys that a security officer has to trust, has them trusted, and takes them into use, in one go: whoever has
 * the PIN could put a key of their own in the place of one that lies about.
 */
export function holdCeremony(
  opened: OpenToken,
  pins: Pins,
  request: NonNullable<Greeting["ceremony"]>,
): CeremonyReport {
  const { token, domain, wrappings } = opened;
  const { mode } = domain.load();
  if (mode !== "trusted")
    throw new ConfigError(`the domain key is ${mode}: there is nothing for a security officer to trust`);
  const wrapping = bestOf(wrappings);
  const { publicKeys = false, newDomainKey = false, transportKey } = request;
  const officer = new Officer(token, wrapping, pins, publicKeys || domain.isPublic);
  if (transportKey) {
    pinOther(opened, transportKey);
    officer.trust(keysOfTransport(wrapping, transportKey));
  }
  if (newDomainKey) return { domainKey: trustVersion(domain, officer, wrapping, pins), trusted: officer.trusted };
  const [active, readable] = (["active", "readable"] as const).map((wanted) =>
    domain.state.keys.find(({ state }) => state === wanted),
  );
  if (active) return { trusted: officer.trusted };
  const domainKey = readable?.id ?? trustVersion(domain, officer, wrapping, pins);
  activate(domain, opened.keys, domainKey);
  return { domainKey, trusted: officer.trusted };
}

/** The version that was begun, or a new one: readable then. Nothing has been wrapped by it, so its keys are made anew. */
function trustVersion(domain: Domain, officer: Officer, wrapping: Wrapping, { soPin }: Pins): DomainKeyId {
  const { id, macKeyId } = domain.state.keys.find(({ state }) => state === "reserved") ?? reserve(domain);
  if (soPin || !domain.holds(id)) {
    domain.destroy(id, macKeyId);
    domain.generate(id, macKeyId);
  }
  officer.trust(keysToTrust(wrapping, id));
  // Proven before anyone relies on it.
  domain.update((state) => moved(state, id, ["reserved"], "readable"));
  domain.pair(id);
  return id;
}

/** An HSM's own transport key would open to its PIN what leaves for it. */
function pinOther({ token, engine, random, wrappings, domain }: OpenToken, key: TransportKey): void {
  const fingerprint = checkTransportKey(key);
  if (new Transport(token, engine, random, wrappings).own().fingerprint === fingerprint) {
    throw refused("the transport key is the HSM's own");
  }
  domain.update((state) => ({ ...state, pinned: [...new Set([...state.pinned, fingerprint])] }));
}

const keysOfTransport = (wrapping: Wrapping, key: TransportKey): readonly NewKey[] => [
  trustedRsa(key),
  ...(key.direct ? [] : [trustedAes(wrapping, key)]),
];

/**
 * What the security officer does, in the way that the module has for it: he trusts what the user has made, where he sees it
 * and CKA_TRUSTED can be set; otherwise he makes it himself, for which it must be a public object (PKCS#11 §5.6: the officer
 * has access to no others).
 */
class Officer {
  readonly trusted: string[] = [];
  readonly #token: Cryptoki;
  readonly #wrapping: Wrapping;
  readonly #pins: Pins;
  readonly #publicKeys: boolean;

  constructor(token: Cryptoki, wrapping: Wrapping, pins: Pins, publicKeys: boolean) {
    this.#token = token;
    this.#wrapping = wrapping;
    this.#pins = pins;
    this.#publicKeys = publicKeys;
  }

  /** All of `keys`, made anew, where the officer is here; otherwise they must be trusted already. */
  trust(keys: readonly NewKey[]): void {
    const { soPin, pin } = this.#pins;
    const left = soPin ? keys : keys.filter((key) => this.#find(key, true).length === 0);
    const waiting = left.map((key) => this.#prepare(key));
    if (waiting.length === 0) return;
    if (!soPin) throw new ConfigError(`the security officer has to trust (CKA_TRUSTED) ${list(keys)}: --so-pin`);
    const made = this.#token.asOfficer(soPin, pin, () => waiting.map(({ key }) => this.#trustOne(key)));
    for (const [i, { key, witness }] of waiting.entries()) this.#confirm(key, made[i] ? undefined : witness);
  }

  /** As the user. One that is there already is made anew, where the officer is here to trust it at once. */
  #prepare(key: NewKey): { readonly key: NewKey; readonly witness: Bytes | undefined } {
    if (this.#pins.soPin) for (const old of this.#find(key)) this.#token.destroy(old);
    const [found] = this.#find(key);
    const handle =
      found ??
      (isPublic(key) ? this.#token.create({ ...key.attributes, modifiable: false }) : makeKey(this.#token, key));
    return { key, witness: isPublic(key) ? undefined : this.#witnessOf(handle) };
  }

  /** As the officer. Whether he made it himself. */
  #trustOne(key: NewKey): boolean {
    const [seen] = this.#find(key);
    let reason = "he sees none of the user's private objects";
    try {
      if (seen) {
        this.#token.set(seen, { trusted: true });
        return false;
      }
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      reason = error.message;
    }
    if (!isPublic(key) && !this.#publicKeys) {
      throw new HsmError(
        "unsupported",
        `the security officer cannot trust ${list([key])} (${reason}): --public-keys has him make public objects instead`,
      );
    }
    if (seen) this.#token.destroy(seen);
    const attributes = { ...key.attributes, private: false, trusted: true };
    if (isPublic(key)) this.#token.create({ ...attributes, modifiable: false });
    else makeKey(this.#token, { ...key, attributes });
    return true;
  }

  /** As the user: there is one, trusted, and it is the one that this process has made. */
  #confirm(key: NewKey, witness: Bytes | undefined): void {
    const trusted = this.#find(key, true);
    const [one, ...others] = trusted;
    for (const left of this.#find(key)) if (!trusted.some((handle) => handle.equals(left))) this.#token.destroy(left);
    const isSame = one && others.length === 0 && (!witness || equalBytes(witness, this.#witnessOf(one)));
    if (!isSame) {
      for (const handle of trusted) this.#token.destroy(handle);
      throw refused(`${list([key])} did not become trusted, or was exchanged meanwhile: it is gone`);
    }
    this.trusted.push(list([key]));
  }

  /** RFC 5649 is deterministic: what a key makes of a known one tells it from others. */
  #witnessOf(handle: Handle): Bytes {
    const known = bringInKnown(this.#token, { ...moving, value: knownKey });
    try {
      return this.#wrapping.wrap(handle, known);
    } finally {
      this.#token.destroy(known);
    }
  }

  #find({ attributes }: NewKey, trusted?: true): Handle[] {
    const { class: objectClass = 0, label = "", id = new Uint8Array() } = attributes;
    return this.#token.find({ class: objectClass, token: true, label, id, ...(trusted && { trusted }) });
  }
}

const isPublic = ({ attributes }: { readonly attributes: Attributes }): boolean =>
  attributes.class === pkcs11js.CKO_PUBLIC_KEY;

const list = (keys: readonly NewKey[]): string =>
  keys.map(({ attributes: { label, id } }) => `"${label}" ${hex(id as Bytes)}`).join(", ");
