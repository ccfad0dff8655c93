import type { Bytes } from "../base/bytes.ts";
import type { HbkMeta } from "../model/hbk.ts";
import type {
  DataKeyPairSpec,
  EncryptionAlgorithm,
  HbkSpec,
  KeyUsage,
  MessageType,
  SigningAlgorithm,
  WrappingAlgorithm,
} from "../model/key-spec.ts";
import type { Wrapping } from "../model/wrapping.ts";
import type { DomainKeyMode, DriverName, Pkcs11Boundary, Pkcs11Wrapping } from "./config.ts";
import type { DomainKeyId } from "./domain-key.ts";

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
   * through the worker's engine; `token-gcm`: likewise through the worker's memory, and AES-GCM is the token's;
   * `token`: both stay in the token.
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

export interface Health {
  readonly ok: boolean;
  /** For people; names no key material. */
  readonly detail: string;
}
