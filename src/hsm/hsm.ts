import type { Bytes } from "../base/bytes.ts";
import type { EngineName } from "../engine/engine.ts";
import type { HbkMeta } from "../model/hbk.ts";
import type {
  DataKeyPairSpec,
  EncryptionAlgorithm,
  HbkSpec,
  KeySpec,
  KeyUsage,
  MessageType,
  SigningAlgorithm,
  WrappingAlgorithm,
} from "../model/key-spec.ts";

import type { Wrapping } from "../model/wrapping.ts";

/** A key token as one HSM wrapped it: model/ekt.ts. Opaque everywhere else. */
export type Ekt = Bytes;

/**
 * What the request path may ask of an HSM. Failures are `HsmError`; null is the expected "not authentic". Disposing of it
 * (`await using`) is closing it.
 */
export interface Hsm extends AsyncDisposable {
  readonly info: HsmInfo;

  /** Why keys of this spec and usage cannot live here; undefined when they can. */
  refusal(spec: HbkSpec, usage: KeyUsage): string | undefined;

  /** A new secret key under the active domain key. */
  generateKey(meta: HbkMeta): Promise<Ekt>;

  /**
   * A key token over material that the host already has: SigV4 secrets (`"AWS4" ‖ secret`) only. The caller wipes
   * `material`.
   */
  importKey(meta: HbkMeta, material: Bytes): Promise<Ekt>;

  /**
   * The HSM makes nonce, IV and header, and puts the header before `aad`. Plaintext at most 4,096 bytes.
   * The ciphertext's layout is that of model/ciphertext.ts.
   */
  encrypt(key: Ekt, algorithm: EncryptionAlgorithm, plaintext: Bytes, aad: Bytes): Promise<Bytes>;

  /** null: not authentic under this key and aad. */
  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null>;

  /** A plaintext that nobody gets is never made visible outside. */
  generateDataKey(key: Ekt, length: number, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKey>;

  /** One call inside one HSM. null: the source is not authentic. */
  reEncrypt(source: Opening, destination: Sealing): Promise<Bytes | null>;

  /**
   * HMAC by a `kms-hmac` key and the hash of its spec, or by a `sigv4` key and SHA-256. Messages that `isKeyDerivation`
   * (model/kbkdf.ts) names are refused.
   */
  mac(key: Ekt, message: Bytes): Promise<Bytes>;

  /** Absent where `refusal` refuses every key pair. */
  readonly keyPairs?: KeyPairs;

  /** Absent where no material comes in from outside. */
  readonly imports?: Imports;

  /** A token over the same HBK in another region, its HBK id computed again and compared; under the active domain key. */
  replicate(key: Ekt, region: string): Promise<Ekt>;

  /** The material of a `record` or `index` key, for the store's barrier; any other kind is refused. */
  release(key: Ekt): Promise<Bytes>;

  /** 1 to 1,024 bytes. */
  random(length: number): Promise<Bytes>;

  /** The head of the store's chain as it was last told to the HSM; undefined before the first time. At most 1,024 bytes. */
  readAnchor(): Promise<Bytes | undefined>;
  /** Durable when it resolves. */
  writeAnchor(anchor: Bytes): Promise<void>;

  /** Whether it unwraps by this domain key, as far as it has read its domain state. */
  holds(id: DomainKeyId): boolean;

  /** Reads the domain state again: after a rotation, by whomever. */
  reload(): Promise<void>;

  /** Uses the active domain key; never throws. */
  health(): Promise<Health>;

  close(): Promise<void>;
}

/**
 * What an HSM does with key pairs: kind kms-private. Public keys are DER SubjectPublicKeyInfo, and what is done with one
 * (verification, encryption, encapsulation) needs no HSM: engine/asymmetric/.
 */
export interface KeyPairs {
  /** A new key pair, its private key under the active domain key. */
  generate(meta: HbkMeta): Promise<NewKeyPair>;

  /** A key pair to take away, its private key (PKCS#8) encrypted like a data key. */
  generateDataKeyPair(key: Ekt, spec: DataKeyPairSpec, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKeyPair>;

  /** Why it makes no such signatures; undefined when it does. */
  refusal(algorithm: SigningAlgorithm, type: MessageType): string | undefined;

  /** `message` of type DIGEST or EXTERNAL_MU has `digestLength` bytes (model/algorithms.ts); forms: engine/asymmetric/. */
  sign(key: Ekt, algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Promise<Bytes>;

  /** null: not a ciphertext for this key. */
  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes): Promise<Bytes | null>;

  /** ECDH without a key derivation. null: `publicKey` is not one on the key's curve. */
  deriveSharedSecret(key: Ekt, publicKey: Bytes): Promise<Bytes | null>;

  /** ML-KEM: 32 bytes. `ciphertext` has the length of the key's spec. */
  decapsulate(key: Ekt, ciphertext: Bytes): Promise<Bytes>;
}

/** What an HSM does with key material that comes from outside, wrapped under a key of its own. */
export interface Imports {
  /** Why no material of this spec comes in under this wrapping, which `wrappingRefusal` (model/wrapping.ts) allows. */
  refusal(spec: HbkSpec, wrapping: Wrapping): string | undefined;

  /** A new key pair of kind `import`, to wrap material for one key: `meta` has that key's account, region and key id. */
  wrappingKey(meta: HbkMeta): Promise<NewKeyPair>;

  /**
   * A token over material that is wrapped under `wrapping`, a token of `wrappingKey` for the key of `meta`: 32 bytes, 16 of
   * SM4, an HMAC key, or a PrivateKeyInfo in DER. null: it cannot be unwrapped. "unfit": it is no material of the spec.
   */
  unwrap(
    meta: HbkMeta,
    wrapping: Ekt,
    algorithm: WrappingAlgorithm,
    wrapped: Bytes,
  ): Promise<ImportedKey | "unfit" | null>;
}

export interface NewKeyPair {
  readonly ekt: Ekt;
  readonly publicKey: Bytes;
}

export interface ImportedKey {
  readonly ekt: Ekt;
  /** Of a key pair. */
  readonly publicKey?: Bytes;
}

export interface DataKeyPair extends DataKey {
  readonly publicKey: Bytes;
}

export interface DataKey {
  readonly ciphertext: Bytes;
  /** Present when `want` was "both"; the caller wipes it. */
  readonly plaintext?: Bytes;
}

export interface Opening {
  readonly key: Ekt;
  readonly algorithm: EncryptionAlgorithm;
  readonly ciphertext: Bytes;
  readonly aad: Bytes;
}

export interface Sealing {
  readonly key: Ekt;
  readonly algorithm: EncryptionAlgorithm;
  readonly aad: Bytes;
}

export interface HsmInfo {
  readonly driver: DriverName;
  /** Of the module and token, for people and for `hsm probe`. */
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly firmware: string;
  /**
   * Where symmetric HBKs and per-call keys are in the clear:
   * `engine`: both inside the WebAssembly memory; `call-key`: the HBK stays in the token, the per-call key passes
   * through the worker's engine; `token-gcm`: likewise through the worker's memory, and AES-GCM is the token's; `token`: both
   * stay in the token.
   */
  readonly boundary: "engine" | Pkcs11Boundary;
  /** Of a PKCS#11 HSM: what becomes of new keys. */
  readonly wrapping?: Exclude<Pkcs11Wrapping, "auto"> | undefined;
  /**
   * Where private keys, HMAC keys of another hash than SHA-256, and material that is imported are in the clear for the time
   * of a call: in the memory of the service's process. Absent where they stay in the token.
   */
  readonly exposed?: "process";
  readonly domainKeyMode: DomainKeyMode;
  /** Of a PKCS#11 HSM: why its boundary or its engine has no SM4; absent where it has. */
  readonly lacksSm4?: string | undefined;
  /** What an operator should know when it is opened, in sentences. */
  readonly notices?: readonly string[];
}

/** Where the per-call key is made and used: `HsmInfo.boundary`. Ciphertexts are the same. */
export const pkcs11Boundaries = ["call-key", "token-gcm", "token"] as const;
export type Pkcs11Boundary = (typeof pkcs11Boundaries)[number];

/**
 * What becomes of new keys. `auto`: the best wrapping that the token has. `kwp`: RFC 5649. `cbc-pad`: AES-CBC under the MAC of
 * the key token. `resident`: objects of the token, one for each key: nobody takes one out, no other HSM can have it.
 */
export const pkcs11Wrappings = ["auto", "kwp", "cbc-pad", "resident"] as const;
export type Pkcs11Wrapping = (typeof pkcs11Wrappings)[number];

/**
 * Who can take keys out of a PKCS#11 token. `plain`: whoever has its PIN, and the store. `locked`: nobody, so keys cannot be
 * wrapped anew nor be exported. `trusted`: only under keys that a security officer trusts.
 */
export const domainKeyModes = ["plain", "locked", "trusted"] as const;
export type DomainKeyMode = (typeof domainKeyModes)[number];

export interface Health {
  readonly ok: boolean;
  /** For people; names no key material. */
  readonly detail: string;
}

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

/** 32 hexadecimal digits. */
export type DomainKeyId = string;

export const domainKeyStates = ["reserved", "readable", "active", "unwrap-only", "quarantined", "destroyed"] as const;
export type DomainKeyState = (typeof domainKeyStates)[number];

export interface DomainKey {
  readonly id: DomainKeyId;
  readonly state: DomainKeyState;
  /** Milliseconds since the epoch, when it entered `state`. */
  readonly since: number;
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

export type DriverName = "soft" | "pkcs11";

/** What the configuration says of one HSM. Secrets come by reference: `file:<path>` or `env:<name>`. */
export type HsmConfig = SoftConfig | Pkcs11Config;

/** One HSM of a deployment. */
export interface ConfiguredHsm {
  /** It names the HSM's domain record in the store, so it stays. */
  readonly name: string;
  readonly hsm: HsmConfig;
  /** New keys of these specs are made in it; `default`: of those that no HSM names. Without it, the primary's are. */
  readonly specs?: readonly KeySpec[] | "default";
  /** The name of an HSM all of whose keys this one holds, too: it is no replica itself. */
  readonly replicaOf?: string;
}

export interface SoftConfig {
  readonly driver: "soft";
  /** A private folder (0700) for the sealed domain state. */
  readonly directory: string;
  /** Exactly one of them: a file of 32 random bytes, or a passphrase. */
  readonly keyFile?: string;
  readonly passphrase?: string;
  /** Default: wasm. `auto`: the fastest of `allow` on this machine (engine/auto.ts). */
  readonly engine?: EngineName | "auto";
  /** Default: native and wasm. */
  readonly allow?: readonly EngineName[];
}

export interface Pkcs11Config {
  readonly driver: "pkcs11";
  /** RFC 7512: `module-path` and `token` (and `serial` where labels repeat). No `pin-value`. */
  readonly uri: string;
  /** Without it, `pin-source` of the URI is the reference. */
  readonly pin?: string;
  /** Default: native where it has been built, and wasm where it has not. */
  readonly engine?: EngineName;
  /** Default: call-key. One that the token cannot be is refused when the HSM is opened. */
  readonly boundary?: Pkcs11Boundary;
  /** Default: auto. One that the token lacks is refused when the HSM is opened. Keys that are there already stay as they are. */
  readonly wrapping?: Pkcs11Wrapping;
  /** Environment of the worker process, for modules that are configured by it (`SOFTHSM2_CONF`). */
  readonly environment?: Readonly<Record<string, string>>;
  /** Library parameters of C_Initialize, for modules that are configured by them (NSS: `configdir='sql:/etc/nss'`). */
  readonly initArgs?: string;
  /** Processes that share the calls, each with a login of its own; default 1. A second takes over when one ends. */
  readonly workers?: number;
  /**
   * Operations that each worker has going on in the token at once, each in a session of its own. Default: 16 where the
   * token takes longer than half a millisecond for a MAC, as over a network, and 1 where it does not. More than the
   * token has sessions for are refused. Takes the native engine.
   */
  readonly sessions?: number;
  /**
   * Longest time of one call, retries included, in milliseconds; default 5,000. A worker that answers nothing for half of
   * it is taken to hang, and its calls are given to another.
   */
  readonly deadline?: number;
  /** How many calls may be served or wait at the same time, default 2,048; more are refused. */
  readonly inFlight?: number;
  /**
   * A worker is replaced after so many hours or calls, or when so many MiB of it are resident, for modules that leak;
   * default 24, 1,000,000 and 1,024.
   */
  readonly workerHours?: number;
  readonly workerCalls?: number;
  readonly workerMemory?: number;
  /**
   * A private folder that remembers a refused PIN beyond this process, so that no restart tries it again, and what the
   * token can do, so that none tries that again; and in which administrators of this HSM find each other.
   */
  readonly stateDirectory?: string;
}

/** One folder of hsm/ each; listed in hsm/index.ts. */
export interface Driver<Config extends HsmConfig> {
  /** Makes the first domain key. A token or folder that has one is refused with a ConfigError, never overwritten. `mode` is for ever; default: plain. */
  init(config: Config, mode?: DomainKeyMode): Promise<HsmInfo>;
  /** Self-tests first. ConfigError when the configuration is wrong, HsmError when the HSM is. */
  open(config: Config): Promise<Hsm>;
  /** Absent where no domain key is `trusted`. ConfigError when a step is left to do, or the PIN is refused. */
  trust?(config: Config, ceremony: Ceremony): Promise<CeremonyReport>;
  openAdmin(config: Config): Promise<HsmAdmin>;
}
