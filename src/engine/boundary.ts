import type { Bytes } from "../base/bytes.ts";
import type { HbkUsage } from "../model/hbk.ts";

/**
 * The cryptographic boundary (FIPS 140-3) of the soft HSM. Domain keys and the HBKs of symmetric and HMAC_256 keys exist
 * in the clear only inside: a key token goes in, the result comes out. Those that are exposed (model/hbk.ts) are wrapped
 * here and used outside. Token and ciphertext layouts: model/ekt.ts and model/ciphertext.ts.
 *
 * Every call that takes a token opens it first and throws `HsmError("refused")` when the token is not authentic, its
 * domain key is not present, or its kind and usage are not the ones that the call serves. Randomness is a CTR_DRBG of
 * the boundary's own, with at least 32 fresh bytes of the operating system as additional input to every generate; a
 * failed or repeated seed throws `HsmError("internal")`, for good.
 *
 * `head` is a token up to and including the key id: all metadata, domain key id included (ektHead in model/ekt.ts).
 * `aad` is `binding` of model/encryption-context.ts; the boundary puts the ciphertext header before it.
 */
export interface Boundary {
  /** The key that seals domain keys at rest, 32 bytes, copied in. Once. */
  setRoot(key: Bytes): void;

  /**
   * Makes the domain key `id` (16 bytes) from the DRBG. Like `openDomainKey`, it takes the place of one held under that
   * id. At most 32 are held; a 33rd throws `HsmError("internal")`.
   */
  generateDomainKey(id: Bytes): void;
  /** `IV 12 ‖ ciphertext 32 ‖ tag 16`: AES-256-GCM under the root, AAD = "SR1-domains" ‖ id. */
  sealDomainKey(id: Bytes): Bytes;
  /** false when it is not authentic under the root. */
  openDomainKey(id: Bytes, sealed: Bytes): boolean;
  /** Wipes it. Unknown ids are ignored. */
  dropDomainKey(id: Bytes): void;

  /** A token over `length` fresh random bytes (16 to 64). No exposed key. */
  generate(head: Bytes, length: number): Bytes;
  /**
   * A token over `material` that the host already has: 1 to 4,096 bytes. HMAC kinds, kinds that are no KMS key's, and
   * symmetric keys of origin EXTERNAL; no exposed key.
   */
  import(head: Bytes, material: Bytes): Bytes;
  /**
   * A token over an exposed key, 1 to 4,096 bytes. Its HBK id is SHA-256("SR1-keyname" ‖ key id ‖ `commitment`), which
   * are 1 to 4,096 bytes: the SPKI of a private key, `HMAC(material, 4,097 zeros)` by the hash of an HMAC key.
   */
  importExposed(head: Bytes, commitment: Bytes, material: Bytes): Bytes;
  /**
   * The material of an exposed key of this usage, or of an import key, which unwraps outside; the caller wipes it when its
   * call ends. Any other key is refused.
   */
  expose(ekt: Bytes, usage: HbkUsage): Bytes;
  /**
   * The same material under `head`, which differs from the token's in domain key and region alone; the HBK id is computed
   * again and compared before the answer, but for exposed keys, which the tag alone holds to theirs.
   */
  rewrap(ekt: Bytes, head: Bytes): Bytes;
  /** The material of a `record` or `index` key. Any other kind is refused. */
  release(ekt: Bytes): Bytes;

  /**
   * Kind kms-symmetric, usage ENCRYPT_DECRYPT; spec SYMMETRIC_DEFAULT, or SM4 where the engine has it. Plaintext 0 to 4,096
   * bytes, aad at most 16,384. Answers a whole ciphertext, of the spec's suite.
   */
  encrypt(ekt: Bytes, aad: Bytes, plaintext: Bytes): Bytes;
  /** null: not authentic under this key and aad, or made by another HBK, or of another suite than the key's. */
  decrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes): Bytes | null;
  /** `length` 1 to 1,024. A plaintext that nobody gets stays inside. */
  generateDataKey(
    ekt: Bytes,
    aad: Bytes,
    length: number,
    want: "both" | "ciphertext",
  ): { ciphertext: Bytes; plaintext?: Bytes };
  /** The plaintext stays inside. null: the source is not authentic. */
  reEncrypt(
    source: { ekt: Bytes; aad: Bytes; ciphertext: Bytes },
    destination: { ekt: Bytes; aad: Bytes },
  ): Bytes | null;

  /**
   * HMAC-SHA-256 for kind sigv4, and for kms-hmac of spec HMAC_256 and usage GENERATE_VERIFY_MAC. Messages that begin
   * `00000001 ‖ "SR1-"` are refused.
   */
  mac(ekt: Bytes, message: Bytes): Bytes;

  /** KWP of the token's material under `transportKey` (32 bytes). For HsmAdmin only: never given to the request path. */
  wrapFor(ekt: Bytes, transportKey: Bytes): Bytes;
  /** A token over material that `wrapFor` made; refused unless its HBK id is `hbkId`. No exposed key. */
  unwrapFrom(head: Bytes, hbkId: Bytes, transportKey: Bytes, wrapped: Bytes): Bytes;

  /** 1 to 1,024 bytes. */
  random(length: number): Bytes;

  /** Wipes everything. Every later call throws. */
  close(): void;
}
