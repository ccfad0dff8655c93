import type { Bytes } from "../base/bytes.ts";
import type { Boundary } from "./boundary.ts";

/**
 * The cryptography of the hot path. Every call copies its arguments and wipes its scratch; results are new arrays,
 * secret ones made by `secret`. A wrong length is a RangeError, before any work. Constant in time as far as the engine's
 * platform allows: see SECURITY.md.
 */
export interface Engine {
  readonly name: EngineName;

  /** Whether the memory that keys lie in could be locked so far, where the engine tries to. false: it may be swapped out. */
  readonly lockedMemory?: boolean;

  /** FIPS 180-4. */
  sha256(message: Bytes): Bytes;

  /** FIPS 198-1 with SHA-256; any key length. */
  hmacSha256(key: Bytes, message: Bytes): Bytes;

  /** SP 800-108 §4.1, counter mode, HMAC-SHA-256, r = 32, one block: 32 bytes from a key and fixed input of any length. */
  kbkdf(key: Bytes, fixedInput: Bytes): Bytes;

  /**
   * SP 800-38D: AES-256-GCM, key 32, IV 12, tag 16. Answers `ciphertext ‖ tag`: a new array, or `out`, which has just that
   * length, overlaps no argument, and spares the allocation.
   */
  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes;

  /**
   * The plaintext, or null when the tag does not verify; `out` then has none of it. Nothing is released before the tag has
   * verified.
   */
  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null;

  /** SM4 (GB/T 32907) in the same mode: AEAD_SM4_GCM of RFC 8998 §3.2. Absent where the OpenSSL of the process lacks it. */
  readonly sm4?: Sm4 | undefined;

  /**
   * For messages that each have a key of their own, derived from `hbk` (32 bytes). At least 512 are open at once; who can
   * hold no more throws `HsmError("internal")`.
   */
  deriver(hbk: Bytes): Deriver;

  /** SP 800-38F §6.3 (RFC 5649): AES-256 key wrap with padding, 1 to 8,192 bytes. */
  kwpWrap(kek: Bytes, material: Bytes): Bytes;

  /** The material, or null when it is not authentic. */
  kwpUnwrap(kek: Bytes, wrapped: Bytes): Bytes | null;

  /** Constant time in the contents; lengths are public. */
  equal(a: Bytes, b: Bytes): boolean;

  /** A CTR_DRBG instance of its own, instantiated with `entropy` (48 bytes) and a personalization string (0 to 48). */
  drbg(entropy: Bytes, personalization: Bytes): Drbg;

  /** A new, empty cryptographic boundary for the soft HSM. */
  boundary(): Boundary;
}

/** `gcmSeal` and `gcmOpen` with keys of 16 bytes. */
export interface Sm4 {
  seal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes;
  open(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes | null;
}

/**
 * `gcmSeal` and `gcmOpen` under K = `kbkdf(hbk, fixedInput)`, in one call: K is wiped before it returns, and never leaves
 * the engine where that has a memory of its own. What can be computed from the HBK beforehand may be kept until `close`.
 * `fixedInput` has at most 1,024 bytes. The claims that every implementation meets: test/conformance/engine-deriver.ts.
 */
export interface Deriver {
  seal(fixedInput: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes;
  open(fixedInput: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null;
  /** `seal` and `open` of many small messages, in order; nothing is done unless all have lengths that they may have. */
  sealEach(messages: readonly DerivedMessage[]): Bytes[];
  openEach(messages: readonly DerivedMessage[]): (Bytes | null)[];
  /** Wipes it; every later `seal` and `open` throws `HsmError("internal")`. */
  close(): void;
}

export interface DerivedMessage {
  readonly fixedInput: Bytes;
  readonly iv: Bytes;
  readonly aad: Bytes;
  /** The plaintext, or `ciphertext ‖ tag`. */
  readonly text: Bytes;
}

export type EngineName = "wasm" | "native" | "node";

/** SP 800-90A §10.2.1: CTR_DRBG with AES-256, no derivation function. */
export interface Drbg {
  /** `length` 1 to 65,536. `additionalInput`: 0 to 48 bytes, zero-padded. */
  generate(length: number, additionalInput?: Bytes): Bytes;
  /** `entropy`: 48 bytes. */
  reseed(entropy: Bytes, additionalInput?: Bytes): void;
  /** Wipes the state; every later call throws. */
  uninstantiate(): void;
}
