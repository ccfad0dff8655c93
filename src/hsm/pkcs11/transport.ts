import { constants, createHash, createPublicKey, type KeyObject, publicEncrypt, randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat, equalBytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, wipe } from "../../base/secret.ts";
import { ektSuites } from "../../model/ekt.ts";
import type { HbkMeta } from "../../model/hbk.ts";
import type { TransportKey } from "../hsm.ts";
import type { Attributes } from "./attributes.ts";
import { moving, refused } from "./backing-keys.ts";
import { type Cryptoki, CryptokiError, type Handle, type Mechanism } from "./cryptoki.ts";
import type { TokenRandom } from "./token-random.ts";
import { genericKey, noUse, type Wrapping } from "./wrapping.ts";

type OaepHash = TransportKey["oaepHash"];

const label = "strongroom transport key";
const leastBits = 3072;
/** SoftHSM makes no HMAC with a shorter key. */
const leastMacKey = 32;
const hmacBlock = 64;

/** CKZ_DATA_SPECIFIED, which pkcs11js does not name. */
const dataSpecified = 1;

const oaep = (hash: OaepHash): Mechanism => ({
  mechanism: pkcs11js.CKM_RSA_PKCS_OAEP,
  parameter: {
    type: pkcs11js.CK_PARAMS_RSA_OAEP,
    hashAlg: hash === "sha256" ? pkcs11js.CKM_SHA256 : pkcs11js.CKM_SHA_1,
    mgf: hash === "sha256" ? pkcs11js.CKG_MGF1_SHA256 : pkcs11js.CKG_MGF1_SHA1,
    source: dataSpecified,
  } as pkcs11js.RsaOAEP,
});

const aesKey = { ...genericKey, keyType: pkcs11js.CKK_AES, ...noUse, sensitive: true };
/** As a target: opens what came, and cannot be read. */
const opening = { ...aesKey, unwrap: true, extractable: false };

/** The way between two HSMs: `RSA-OAEP(AES-256) ‖ KWP(material)`, to an RSA key that never leaves the target. */
export class Transport {
  readonly #token: Cryptoki;
  readonly #random: TokenRandom;
  readonly #wrapping: Wrapping | undefined;
  #ownHash: OaepHash | undefined;

  constructor(token: Cryptoki, random: TokenRandom, wrappings: readonly Wrapping[]) {
    this.#token = token;
    this.#random = random;
    this.#wrapping = wrappings.find(({ suite }) => suite === ektSuites.kwp);
  }

  /** This HSM's own, made when there is none. */
  own(): TransportKey {
    this.#requireKwp();
    if (this.#find(pkcs11js.CKO_PRIVATE_KEY).length === 0) this.#generate();
    const privateKey = this.#privateKey();
    this.#token.verify(privateKey, { sensitive: true, extractable: false, decrypt: false, unwrap: true });
    const spki = spkiOf(this.#token, this.#publicKey());
    this.#ownHash ??= testOaep(this.#token, privateKey, rsaKey(spki));
    if (!this.#ownHash)
      throw new HsmError("unsupported", "the token unwraps by RSA-OAEP with neither SHA-256 nor SHA-1");
    return { spki, fingerprint: fingerprintOf(spki), oaepHash: this.#ownHash };
  }

  /** `key` must be one that may be moved. */
  wrap(key: Handle, target: TransportKey): Bytes {
    const publicKey = rsaKey(target.spki);
    return this.#wrapInside(key, publicKey, target.oaepHash) ?? this.#wrapBeside(key, publicKey, target.oaepHash);
  }

  /** The AES key is made in the token and leaves it under the RSA key. undefined: the token lacks OAEP with this hash. */
  #wrapInside(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes | undefined {
    const kwp = this.#requireKwp();
    const attributes = { ...aesKey, wrap: true, extractable: true, valueLen: 32 };
    const kek = this.#token.generateKey(pkcs11js.CKM_AES_KEY_GEN, attributes);
    try {
      const rsa = this.#token.create(sessionPublicKey(publicKey));
      const sealed = this.#token.wrap(oaep(hash), rsa, kek);
      this.#token.destroy(rsa);
      return concat(sealed, kwp.wrap(kek, key));
    } catch (error) {
      if (error instanceof CryptokiError) return undefined;
      throw error;
    } finally {
      this.#token.destroy(kek);
    }
  }

  /** The AES key is made here, for targets whose hash this token lacks (SoftHSM has SHA-1 only). */
  #wrapBeside(key: Handle, publicKey: KeyObject, hash: OaepHash): Bytes {
    const kwp = this.#requireKwp();
    const value = this.#random.generate(32);
    const kek = this.#token.create({ ...aesKey, wrap: true, extractable: false, value });
    try {
      return concat(encryptOaep(publicKey, hash, value), kwp.wrap(kek, key));
    } finally {
      this.#token.destroy(kek);
      wipe(value);
    }
  }

  /** A key that may be moved, from what `wrap` of another HSM made; refused when it is not authentic. */
  unwrap(exported: Bytes, meta: HbkMeta): Handle {
    const kwp = this.#requireKwp();
    const { oaepHash } = this.own();
    const split = this.#token.read(this.#publicKey(), "modulus").length;
    if (exported.length <= split) throw refused("the exported material is too short");
    const kek = refusing(() =>
      this.#token.unwrap(oaep(oaepHash), this.#privateKey(), exported.subarray(0, split), opening),
    );
    try {
      return this.#longEnough(meta, (attributes) =>
        refusing(() => kwp.unwrap(kek, exported.subarray(split), attributes)),
      );
    } finally {
      this.#token.destroy(kek);
    }
  }

  /** A SigV4 secret that is too short for this token's HMAC is read, padded as HMAC pads it, and brought in again. */
  #longEnough(meta: HbkMeta, unwrap: (attributes: Attributes) => Handle): Handle {
    const key = unwrap(moving);
    if (meta.kind !== "sigv4" || this.#token.read(key, "valueLen") >= leastMacKey) return key;
    this.#token.destroy(key);
    const readable = unwrap({ ...moving, sensitive: false });
    const material = this.#token.readSecret(readable);
    const value = secret(hmacBlock);
    try {
      value.set(material);
      return this.#token.create({ ...moving, value });
    } finally {
      this.#token.destroy(readable);
      wipe(material, value);
    }
  }

  #generate(): void {
    const common = { token: true, label, id: this.#random.generate(16) };
    const { publicKey, privateKey } = transportPair(leastBits);
    this.#token.generateKeyPair(rsaPair, { ...publicKey, ...common }, { ...privateKey, ...common });
  }

  #publicKey(): Handle {
    return this.#half(pkcs11js.CKO_PUBLIC_KEY);
  }

  #privateKey(): Handle {
    return this.#half(pkcs11js.CKO_PRIVATE_KEY);
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
    if (!this.#wrapping) throw new HsmError("unsupported", "the token lacks RFC 5649 key wrap: keys cannot be moved");
    return this.#wrapping;
  }
}

export const rsaPair = pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN;

/** Of session objects, unless they are told otherwise. */
export const transportPair = (modulusBits: number): { publicKey: Attributes; privateKey: Attributes } => ({
  publicKey: {
    token: false,
    private: false,
    modulusBits,
    publicExponent: Uint8Array.of(1, 0, 1),
    wrap: true,
    encrypt: false,
    verify: false,
  },
  privateKey: {
    token: false,
    private: true,
    sensitive: true,
    extractable: false,
    unwrap: true,
    decrypt: false,
    sign: false,
  },
});

export function spkiOf(token: Cryptoki, publicKey: Handle): Bytes {
  const [n, e] = (["modulus", "publicExponent"] as const).map((name) =>
    token.read(publicKey, name).toBase64({ alphabet: "base64url", omitPadding: true }),
  );
  const jwk = { kty: "RSA", n: n as string, e: e as string };
  return Uint8Array.from(createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" }));
}

/** The best hash with which the token opens what node:crypto has sealed; SoftHSM has SHA-1 only. */
export function testOaep(token: Cryptoki, privateKey: Handle, publicKey: KeyObject): OaepHash | undefined {
  const works = (hash: OaepHash) => {
    try {
      const sealed = encryptOaep(publicKey, hash, randomBytes(32));
      token.destroy(token.unwrap(oaep(hash), privateKey, sealed, opening));
      return true;
    } catch (error) {
      if (error instanceof CryptokiError) return false;
      throw error;
    }
  };
  return (["sha256", "sha1"] as const).find(works);
}

function sessionPublicKey(key: KeyObject): Attributes {
  const { n = "", e = "" } = key.export({ format: "jwk" });
  const [modulus, publicExponent] = [n, e].map((text) => Uint8Array.fromBase64(text, { alphabet: "base64url" }));
  return {
    class: pkcs11js.CKO_PUBLIC_KEY,
    keyType: pkcs11js.CKK_RSA,
    token: false,
    private: false,
    wrap: true,
    encrypt: false,
    verify: false,
    modulus: modulus as Bytes,
    publicExponent: publicExponent as Bytes,
  };
}

/** Refused unless it is an RSA key of at least 3,072 bits, in DER, under its own fingerprint, which is the answer. */
export function checkTransportKey({ spki, fingerprint, oaepHash }: TransportKey): string {
  rsaKey(spki);
  if (fingerprint !== fingerprintOf(spki)) throw refused("the fingerprint is not that of the transport key");
  if (oaepHash !== "sha1" && oaepHash !== "sha256") throw refused("the hash of the transport key is not known");
  return fingerprint;
}

function rsaKey(spki: Bytes): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new HsmError("refused", "the transport key is no SubjectPublicKeyInfo", { cause });
  }
  const bits = key.asymmetricKeyType === "rsa" ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  if (bits < leastBits || !equalBytes(key.export({ format: "der", type: "spki" }), spki)) {
    throw refused(`the transport key is no RSA key of at least ${leastBits} bits in DER`);
  }
  return key;
}

const fingerprintOf = (spki: Bytes): string => createHash("sha256").update(spki).digest("hex");

const encryptOaep = (key: KeyObject, oaepHash: OaepHash, value: Bytes): Bytes =>
  publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, value);

/** What a stranger may have made: whatever the module says of it, it is refused. */
function refusing<Answer>(use: () => Answer): Answer {
  try {
    return use();
  } catch (error) {
    if (error instanceof CryptokiError) throw refused("the exported material is not authentic");
    throw error;
  }
}
