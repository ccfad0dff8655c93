import type { KeyObject } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import { ektSuites } from "../../../model/ekt.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import { namingMessage } from "../../../model/kbkdf.ts";
import type { TransportKey } from "../../admin.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { isOutage } from "../cryptoki/second-try.ts";
import { committedId } from "../keys/hbk-id.ts";
import { bringIn, takeOut } from "../keys/in-the-clear.ts";
import { createMacKey, hmacBlock, leastMacKey } from "../keys/mac-key.ts";
import { rsaSpki, unwrapMovable } from "../keys/public-key.ts";
import { encryptOaep, makePair, type OaepHash, oaep, privateUse } from "../keys/rsa.ts";
import type { TokenRandom } from "../keys/token-random.ts";
import {
  aesKey,
  createPublic,
  fingerprintOf,
  leastBits,
  opening,
  publicKeyOf,
  testOaep,
} from "../keys/transport-key.ts";
import { trustedFor, wrapTrusted } from "../keys/trusted-transport.ts";
import { movable, readable, type Wrapping } from "../keys/wrapping.ts";

const label = "strongroom transport key";
const bestFirst = ["sha256", "sha1"] as const;
/** Where the source has to wrap the material itself by it. */
const commonFirst = ["sha1", "sha256"] as const;
const tooLong = "one of the HSMs lacks KWP, and a private key is too long to go directly under RSA-OAEP";
/** KWP pads to a multiple of it, and puts as much in front. */
const kwpBlock = 8;

/**
 * The way between two HSMs, to an RSA key that never leaves the target: `RSA-OAEP(AES-256) ‖ KWP(material)`, or
 * `RSA-OAEP(material)` where one of the two lacks KWP.
 */
export class Transport {
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  readonly #random: TokenRandom;
  readonly #kwp: Wrapping | undefined;
  #ownHash: OaepHash | undefined;

  constructor(token: Cryptoki, engine: Engine, random: TokenRandom, wrappings: readonly Wrapping[]) {
    this.#token = token;
    this.#engine = engine;
    this.#random = random;
    this.#kwp = wrappings.find(({ suite }) => suite === ektSuites.kwp);
  }

  /** This HSM's own, made when there is none. */
  own(): TransportKey {
    if (this.#find(pkcs11js.CKO_PRIVATE_KEY).length === 0) {
      makePair(this.#token, { token: true, label, id: this.#random.generate(16) }, leastBits);
    }
    const privateKey = this.#half(pkcs11js.CKO_PRIVATE_KEY);
    this.#token.verify(privateKey, privateUse);
    const spki = rsaSpki(this.#token, this.#half(pkcs11js.CKO_PUBLIC_KEY));
    this.#ownHash ??= testOaep(this.#token, privateKey, spki, this.#kwp ? bestFirst : commonFirst);
    if (!this.#ownHash) throw new HsmError("unsupported", "the token unwraps by RSA-OAEP with no hash that is known");
    return { spki, fingerprint: fingerprintOf(spki), oaepHash: this.#ownHash, ...(!this.#kwp && { direct: true }) };
  }

  /** `key` must be one that may be moved; where the domain key is `trusted`, it leaves under trusted keys. */
  wrap(key: Handle, { kind }: HbkMeta, target: TransportKey, trusted: boolean): Bytes {
    if (trusted) {
      if (target.direct && kind === "kms-private") throw new HsmError("unsupported", tooLong);
      return wrapTrusted(this.#token, this.#requireKwp(), key, target);
    }
    const publicKey = publicKeyOf(target.spki);
    const wrapped = target.direct || this.#kwp ? undefined : this.#wrapAtOnce(key, publicKey, target.oaepHash);
    if (wrapped) return wrapped;
    if ((target.direct || !this.#kwp) && kind === "kms-private") throw new HsmError("unsupported", tooLong);
    if (target.direct || !this.#kwp) return this.#wrapDirectly(key, publicKey, target.oaepHash);
    return this.#wrapInside(key, publicKey, target.oaepHash) ?? this.#wrapBeside(key, publicKey, target.oaepHash);
  }

  /** Destroys what a security officer has trusted for it, if he has. */
  distrust(fingerprint: string): void {
    for (const key of trustedFor(this.#token, fingerprint)) this.#token.destroy(key);
  }

  /**
   * A key that may be moved, from what `wrap` of another HSM made; refused when it is not authentic. That it is the one
   * named `hbkId` is for the caller to check.
   */
  unwrap(exported: Bytes, meta: HbkMeta, hbkId: Bytes): Handle {
    const { oaepHash } = this.own();
    const split = this.#token.read(this.#half(pkcs11js.CKO_PUBLIC_KEY), "modulus").length;
    if (exported.length < split) throw refused("the exported material is too short");
    const privateKey = this.#half(pkcs11js.CKO_PRIVATE_KEY);
    if (exported.length === split) {
      const open = (attributes: Attributes) => this.#open(privateKey, oaepHash, exported, attributes);
      if (meta.kind === "kms-private") throw refused(tooLong);
      if (meta.kind !== "sigv4") return open(movable(this.#token, meta));
      return this.#broughtIn(open(readable(this.#token)), meta, hbkId);
    }
    const kwp = this.#requireKwp();
    const kek = this.#open(privateKey, oaepHash, exported.subarray(0, split), opening);
    const wrapped = exported.subarray(split);
    try {
      const unwrap = (attributes: Attributes) => kwp.unwrap(kek, wrapped, attributes);
      if (meta.kind !== "sigv4" || fitsHmac(wrapped)) {
        return refusing(() => unwrapMovable(this.#token, this.#engine, { meta, hbkId }, unwrap));
      }
      return this.#broughtIn(
        refusing(() => unwrap(readable(this.#token))),
        meta,
        hbkId,
      );
    } finally {
      this.#token.destroy(kek);
    }
  }

  /** The source may have had SHA-1 only: trusted-transport.ts. */
  #open(privateKey: Handle, hash: OaepHash, sealed: Bytes, attributes: Attributes): Handle {
    const unwrap = (hash: OaepHash) => this.#token.unwrap(oaep(hash), privateKey, sealed, attributes);
    try {
      return unwrap(hash);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      return refusing(() => unwrap("sha1"));
    }
  }

  /** Not by way of this process, as `#wrapBeside`: the key is one that serves. */
  #wrapDirectly(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes {
    const rsa = createPublic(this.#token, publicKey);
    try {
      return this.#token.wrap(oaep(hash), rsa, key);
    } catch (cause) {
      if (!(cause instanceof CryptokiError)) throw cause;
      throw new HsmError("unsupported", `one of the HSMs lacks KWP, and this one RSA-OAEP with ${hash}`, { cause });
    } finally {
      this.#token.destroy(rsa);
    }
  }

  /**
   * CKM_RSA_AES_KEY_WRAP, which gives the same octets, where KWP is no mechanism of its own. undefined: the token lacks
   * it.
   */
  #wrapAtOnce(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes | undefined {
    const rsa = createPublic(this.#token, publicKey);
    try {
      return this.#token.wrapByRsaAes(hash === "sha256" ? pkcs11js.CKM_SHA256 : pkcs11js.CKM_SHA_1, rsa, key);
    } catch (error) {
      if (error instanceof CryptokiError) return undefined;
      throw error;
    } finally {
      this.#token.destroy(rsa);
    }
  }

  /** The AES key is made in the token and leaves it under the RSA key. undefined: the token lacks OAEP with this hash. */
  #wrapInside(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes | undefined {
    const kwp = this.#requireKwp();
    const attributes = { ...aesKey, wrap: true, extractable: true, valueLen: 32 };
    const kek = this.#token.generateKey(pkcs11js.CKM_AES_KEY_GEN, attributes);
    const rsa = createPublic(this.#token, publicKey);
    try {
      return concat(this.#token.wrap(oaep(hash), rsa, kek), kwp.wrap(kek, key));
    } catch (error) {
      if (error instanceof CryptokiError) return undefined;
      throw error;
    } finally {
      this.#token.destroy(rsa);
      this.#token.destroy(kek);
    }
  }

  /** The AES key is made here, for targets whose hash this token lacks (SoftHSM has SHA-1 only). */
  #wrapBeside(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes {
    const kwp = this.#requireKwp();
    const value = this.#random.generate(32);
    const kek = bringIn(this.#token, { ...aesKey, wrap: true, extractable: false, value });
    try {
      return concat(encryptOaep(publicKey, hash, value), kwp.wrap(kek, key));
    } finally {
      this.#token.destroy(kek);
      wipe(value);
    }
  }

  /**
   * A SigV4 secret that this token's HMAC does not take as it is, in the form of `createMacKey`. SoftHSM 2.6.1 leaves the
   * zeros with which KWP pads at the end of what it unwraps, so the name tells where the secret ends.
   */
  #broughtIn(material: Handle, meta: HbkMeta, hbkId: Bytes): Handle {
    const padded = takeOut(this.#token, material);
    this.#token.destroy(material);
    try {
      for (let end = padded.length; end > Math.max(0, padded.length - kwpBlock); end--) {
        const secret = padded.subarray(0, end);
        const name = committedId(this.#engine, meta, this.#engine.hmacSha256(secret, namingMessage));
        if (this.#engine.equal(name, hbkId)) return createMacKey(this.#token, this.#engine, secret);
      }
      throw refused("the material is not that of the HBK id");
    } finally {
      wipe(padded);
    }
  }

  #half(objectClass: number): Handle {
    const [key] = this.#find(objectClass);
    if (!key) throw new HsmError("internal", "the token has lost one half of the transport key");
    return key;
  }

  #find(objectClass: number): Handle[] {
    const found = this.#token.find({ class: objectClass, token: true, label });
    if (found.length > 1) throw new HsmError("internal", "the token has more than one transport key");
    return found;
  }

  #requireKwp(): Wrapping {
    if (!this.#kwp) throw refused("the token lacks RFC 5649 key wrap: material comes directly under its transport key");
    return this.#kwp;
  }
}

/** 33 to 64 bytes: HMAC itself pads those with zeros, so that zeros which the token leaves behind do not matter. */
const fitsHmac = (wrapped: Bytes): boolean =>
  wrapped.length - kwpBlock > leastMacKey && wrapped.length - kwpBlock <= hmacBlock;

/**
 * What a stranger may have made: whatever the module says of it, or makes of it (NSS makes an elliptic curve's key where the
 * template says RSA), it is refused.
 */
function refusing<Answer>(use: () => Answer): Answer {
  try {
    return use();
  } catch (cause) {
    if (!isOutage(cause) && (cause instanceof CryptokiError || cause instanceof HsmError)) {
      throw new HsmError("refused", "the exported material is not authentic", { cause });
    }
    throw cause;
  }
}
