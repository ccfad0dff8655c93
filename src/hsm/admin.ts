import type { Bytes } from "../base/bytes.ts";
import type { HbkMeta } from "../model/hbk.ts";
import type { DomainKey, DomainKeyId } from "./domain-key.ts";
import type { Ekt, HsmInfo } from "./hsm.ts";

/**
 * Administration, apart from `Hsm` so that the request path cannot reach it: whoever can export can read every key.
 * It has state of its own; call `reload` on open `Hsm`s after a change.
 */
export interface HsmAdmin extends AsyncDisposable {
  readonly info: HsmInfo;
  domainKeys(): Promise<readonly DomainKey[]>;

  /** Reserves the id, generates inside the HSM, makes it readable: not active yet. */
  addDomainKey(): Promise<DomainKeyId>;
  /** Makes a readable one active; the active one becomes unwrap-only. */
  activateDomainKey(id: DomainKeyId): Promise<void>;
  /** unwrap-only → quarantined: use is refused. */
  quarantineDomainKey(id: DomainKeyId): Promise<void>;
  /** quarantined → destroyed: gone from the HSM. The id stays listed. */
  destroyDomainKey(id: DomainKeyId): Promise<void>;

  /** Why `rewrap` and `exportTo` refuse a key; undefined when they do not. Such a key lives as long as its domain key. */
  keptReason(key: Ekt): string | undefined;

  /** The same HBK under the active domain key; its HBK id is computed again and compared before the answer. */
  rewrap(key: Ekt): Promise<Ekt>;

  /** As a target: the public transport key of this HSM, made in it on first use. */
  transportKey(): Promise<TransportKey>;
  /** As a source: pins `key` after two operators have compared its fingerprint on both consoles. Durable. */
  pinTransportKey(key: TransportKey): Promise<void>;
  /** The fingerprints of those that are pinned. */
  pinnedTransportKeys(): Promise<readonly string[]>;
  /** Nothing is exported to it any more. false: it was not pinned. Durable. */
  unpinTransportKey(fingerprint: string): Promise<boolean>;
  /**
   * As a source: the material under a pinned transport key, `RSA-OAEP(AES-256) ‖ KWP(material)`, or `RSA-OAEP(material)`
   * where either HSM lacks KWP. Any other key is refused.
   */
  exportTo(key: Ekt, target: TransportKey): Promise<Bytes>;
  /** As a target: a token over exported material; refused unless its HBK id is `hbkId`. */
  importFrom(meta: HbkMeta, hbkId: Bytes, exported: Bytes): Promise<Ekt>;

  /** The HBK ids, hexadecimal, of the keys that are objects of the HSM itself: `Pkcs11Config.wrapping`. */
  residentKeys(): Promise<readonly string[]>;
  /** When no key token names it any more; nothing where there is none. */
  destroyResidentKey(hbkId: string): Promise<void>;

  close(): Promise<void>;
}

export interface TransportKey {
  /** DER SubjectPublicKeyInfo of an RSA key of at least 3,072 bits. */
  readonly spki: Bytes;
  /** SHA-256 of `spki`, hexadecimal. */
  readonly fingerprint: string;
  /** The hash of OAEP and its MGF1 that the target can do. */
  readonly oaepHash: "sha1" | "sha256";
  /** The target lacks KWP (RFC 5649): it takes material directly under RSA-OAEP only. */
  readonly direct?: true;
}

/**
 * What a security officer does for an HSM whose domain key is `trusted`: trusts its first domain key, which is active then,
 * and what is asked for here.
 */
export interface Ceremony {
  /** The officer's PIN, by reference; tried once. Without it, what the officer has done with other tools is looked at. */
  readonly soPin?: string;
  /** The officer makes the keys himself, as public objects, where he cannot trust the user's private ones. */
  readonly publicKeys?: boolean;
  /** Another version of the domain key: readable, not active yet. */
  readonly newDomainKey?: boolean;
  /** Keys may leave for this HSM; pinned, too. */
  readonly transportKey?: TransportKey;
}

export interface CeremonyReport {
  /** The version that was made. */
  readonly domainKey?: DomainKeyId;
  /** The objects that became trusted, by label and id. */
  readonly trusted: readonly string[];
}
