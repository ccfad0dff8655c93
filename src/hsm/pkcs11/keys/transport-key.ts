import { createHash, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import type { TransportKey } from "../../admin.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { encryptOaep, type OaepHash, oaep } from "./rsa.ts";
import { genericKey, noUse } from "./wrapping.ts";

export const leastBits = 3072;
export const aesKey: Attributes = { ...genericKey, keyType: pkcs11js.CKK_AES, ...noUse, sensitive: true };
/** Of the AES key that came under RSA: it opens what came with it, and cannot be read. */
export const opening: Attributes = { ...aesKey, unwrap: true, extractable: false };

/** The first of `hashes` with which the token opens what node:crypto has sealed: quirks.oaepHasSha1Only. */
export function testOaep(
  token: Cryptoki,
  privateKey: Handle,
  spki: Bytes,
  hashes: readonly OaepHash[] = ["sha256", "sha1"],
): OaepHash | undefined {
  const works = (hash: OaepHash) => {
    try {
      const sealed = encryptOaep(publicKeyOf(spki), hash, randomBytes(32));
      token.destroy(token.unwrap(oaep(hash), privateKey, sealed, opening));
      return true;
    } catch (error) {
      if (error instanceof CryptokiError) return false;
      throw error;
    }
  };
  return hashes.find(works);
}

/** A session object over another HSM's key, to wrap with. */
export const createPublic = (token: Cryptoki, key: KeyObject): Handle => token.create(publicAttributes(key));

export function publicAttributes(key: KeyObject): Attributes {
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
  const key = publicKeyOf(spki);
  const bits = key.asymmetricKeyType === "rsa" ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  if (bits < leastBits || !equalBytes(key.export({ format: "der", type: "spki" }), spki)) {
    throw refused(`the transport key is no RSA key of at least ${leastBits} bits in DER`);
  }
  if (fingerprint !== fingerprintOf(spki)) throw refused("the fingerprint is not that of the transport key");
  if (oaepHash !== "sha1" && oaepHash !== "sha256") throw refused("the hash of the transport key is not known");
  return fingerprint;
}

export function publicKeyOf(spki: Bytes): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new HsmError("refused", "the transport key is no SubjectPublicKeyInfo", { cause });
  }
}

export const fingerprintOf = (spki: Bytes): string => createHash("sha256").update(spki).digest("hex");
