import { constants, createPublicKey, type KeyObject, publicEncrypt } from "node:crypto";
import pkcs11js from "pkcs11js";
import type { Bytes } from "../../../base/bytes.ts";
import type { TransportKey } from "../../admin.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import type { Cryptoki, Handle, Mechanism } from "../cryptoki/cryptoki.ts";

export type OaepHash = TransportKey["oaepHash"];

/** CKZ_DATA_SPECIFIED, which pkcs11js does not name. */
const dataSpecified = 1;

export const oaep = (hash: OaepHash): Mechanism => ({
  mechanism: pkcs11js.CKM_RSA_PKCS_OAEP,
  parameter: {
    type: pkcs11js.CK_PARAMS_RSA_OAEP,
    hashAlg: hash === "sha256" ? pkcs11js.CKM_SHA256 : pkcs11js.CKM_SHA_1,
    mgf: hash === "sha256" ? pkcs11js.CKG_MGF1_SHA256 : pkcs11js.CKG_MGF1_SHA1,
    source: dataSpecified,
  } as pkcs11js.RsaOAEP,
});

export const encryptOaep = (key: KeyObject, oaepHash: OaepHash, value: Bytes): Bytes =>
  publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, value);

/** Of either half of an RSA key. */
export function rsaKey(token: Cryptoki, key: Handle): KeyObject {
  const [n, e] = (["modulus", "publicExponent"] as const).map((name) => base64url(token.read(key, name)));
  return createPublicKey({ key: { kty: "RSA", n: n as string, e: e as string }, format: "jwk" });
}

/** Makes a pair that unwraps and does nothing else; `place` says whether and how it is kept. */
export const makePair = (token: Cryptoki, place: Attributes, modulusBits: number): pkcs11js.KeyPair =>
  token.generateKeyPair(
    pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN,
    {
      ...place,
      private: true,
      modulusBits,
      publicExponent: Uint8Array.of(1, 0, 1),
      wrap: true,
      encrypt: false,
      verify: false,
    },
    { ...place, private: true, ...privateUse, sign: false },
  );

/** What must hold of the private half for as long as it is kept. */
export const privateUse: Attributes = { sensitive: true, extractable: false, unwrap: true, decrypt: false };

const base64url = (bytes: Bytes): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
