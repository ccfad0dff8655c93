import { createPublicKey, verify } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, utf8 } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { algorithmsOf } from "../../../model/algorithms.ts";
import { ektSuites } from "../../../model/ekt.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { HbkSpec, SigningAlgorithm, WrappingAlgorithm } from "../../../model/key-spec.ts";
import { isMaterialLength } from "../../../model/wrapping.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import { isOutage } from "../cryptoki/second-try.ts";
import { isPrivate, isRsa } from "./private-key.ts";
import { unwrapNamed } from "./public-key.ts";
import { type OaepHash, oaep } from "./rsa.ts";
import { signWith } from "./signing.ts";
import { opening } from "./transport-key.ts";
import { aesKey, knownMessage, moving, used, usesOfKek, type Wrapping, type Wrappings } from "./wrapping.ts";

/** Material that came from outside, as an object that may be moved, for the caller to destroy. */
export interface Unwrapped {
  readonly key: Handle;
  /** Of a private key. */
  readonly spki?: Bytes;
}

type Unwrap = (attributes: Attributes) => Handle;

export const isTwofold = (algorithm: WrappingAlgorithm): boolean => algorithm.startsWith("RSA_AES");

/** Of OAEP. */
export const hashOf = (algorithm: WrappingAlgorithm): OaepHash => (algorithm.endsWith("SHA_1") ? "sha1" : "sha256");

/** RFC 5649, whatever wraps the HBKs. */
export const kwpOf = (wrappings: Wrappings): Wrapping | undefined =>
  wrappings.find(({ suite }) => suite === ektSuites.kwp);

/**
 * Unwraps material inside the token, from object to object: nothing of it is seen here. null: it does not unwrap. "unfit":
 * it does, and is no material of the spec. A token that fails looks like either.
 */
export class Unwrapping {
  readonly #token: Cryptoki;
  readonly #kwp: Wrapping | undefined;

  constructor(token: Cryptoki, wrappings: Wrappings) {
    this.#token = token;
    this.#kwp = kwpOf(wrappings);
  }

  /** `split`: the length of `privateKey`'s modulus, in bytes. */
  take(
    meta: HbkMeta,
    privateKey: Handle,
    algorithm: WrappingAlgorithm,
    wrapped: Bytes,
    split: number,
  ): Unwrapped | "unfit" | null {
    const mechanism = oaep(hashOf(algorithm));
    const open = (unwrap: Unwrap) => (isPrivate(meta) ? this.#private(meta, unwrap) : this.#secret(meta, unwrap));
    if (!isTwofold(algorithm)) {
      if (wrapped.length !== split) return null;
      return open((attributes) => this.#token.unwrap(mechanism, privateKey, wrapped, attributes));
    }
    const kwp = this.#kwp;
    if (!kwp || wrapped.length <= split) return null;
    const kek = orNothing(() => this.#token.unwrap(mechanism, privateKey, wrapped.subarray(0, split), opening));
    if (!kek) return null;
    try {
      return open((attributes) => kwp.unwrap(kek, wrapped.subarray(split), attributes));
    } finally {
      this.#token.destroy(kek);
    }
  }

  #secret(meta: HbkMeta, unwrap: Unwrap): Unwrapped | "unfit" | null {
    const key = orNothing(() => unwrap(moving));
    if (!key) return null;
    let fits = false;
    try {
      fits = this.#isOfLength(meta, key);
      return fits ? { key } : "unfit";
    } finally {
      if (!fits) this.#token.destroy(key);
    }
  }

  /**
   * Where the module does not tell (quirks.unwrappedLengthIsNotTold), RFC 5649 pads to eights, so it says which length the
   * key does not exceed, and HMAC takes no key that is shorter than its hash.
   */
  #isOfLength(meta: HbkMeta, key: Handle): boolean {
    const told = this.#token.read(key, "valueLen");
    if (told > 0) return isMaterialLength(meta.spec, told);
    const most = this.#longest(key);
    return (
      most !== undefined &&
      isMaterialLength(meta.spec, most) &&
      orNothing(() => this.#token.hmac(key, knownMessage, macHashOf(meta))) !== undefined
    );
  }

  /** undefined: nothing tells. */
  #longest(key: Handle): number | undefined {
    if (!this.#kwp) return undefined;
    const kek = this.#token.generateKey(pkcs11js.CKM_AES_KEY_GEN, { ...aesKey, ...usesOfKek, valueLen: 32 });
    try {
      return this.#kwp.wrap(kek, key).length - 8;
    } finally {
      this.#token.destroy(kek);
    }
  }

  /** Its public half is the one under which what it signs verifies, whatever it is for. */
  #private(meta: HbkMeta, unwrap: Unwrap): Unwrapped | "unfit" | null {
    const signing = { ...meta, usage: "SIGN_VERIFY" } as const;
    let spki: Bytes | undefined;
    const isOwn = (candidate: Bytes, key: Handle) => {
      if (!this.#signs(meta.spec, key, candidate)) return false;
      spki = candidate;
      return true;
    };
    try {
      const key = unwrapNamed(this.#token, signing, unwrap, isOwn);
      return { key, ...(spki && { spki }) };
    } catch (error) {
      if (error instanceof HsmError) return "unfit";
      if (error instanceof CryptokiError && !isOutage(error)) return this.#isAuthentic(unwrap) ? "unfit" : null;
      throw error;
    }
  }

  /** Whether it is anything at all. */
  #isAuthentic(unwrap: Unwrap): boolean {
    const key = orNothing(() => unwrap(used));
    if (key) this.#token.destroy(key);
    return key !== undefined;
  }

  #signs(spec: HbkSpec, key: Handle, spki: Bytes): boolean {
    const algorithm = signingBy(spec);
    const signature = signWith(this.#token, key, algorithm, message, "RAW");
    const publicKey = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    return verify(`sha${algorithm.slice(-3)}`, message, publicKey, signature);
  }
}

const message = utf8("Strongroom");

function signingBy(spec: HbkSpec): SigningAlgorithm {
  if (isRsa(spec)) return "RSASSA_PKCS1_V1_5_SHA_256";
  const [algorithm] = algorithmsOf(spec, "SIGN_VERIFY") ?? [];
  return algorithm as SigningAlgorithm;
}

/**
 * undefined: the module does not, or gives what was not asked for (NSS makes an elliptic curve's key where the template
 * says RSA).
 */
function orNothing<Answer>(use: () => Answer): Answer | undefined {
  try {
    return use();
  } catch (error) {
    if (isOutage(error) || !(error instanceof CryptokiError || error instanceof HsmError)) throw error;
    return undefined;
  }
}
