import pkcs11js from "pkcs11js";
import type { Bytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import type { EncryptionAlgorithm } from "../../../model/key-spec.ts";
import type { Cryptoki, Handle, Mechanism } from "../cryptoki/cryptoki.ts";
import { unpadOaep } from "./oaep-padding.ts";
import type { Unpadding } from "./pair-abilities.ts";
import { type OaepHash, oaep } from "./rsa.ts";

function oaepHashOf(algorithm: EncryptionAlgorithm): OaepHash {
  if (algorithm === "RSAES_OAEP_SHA_1") return "sha1";
  if (algorithm === "RSAES_OAEP_SHA_256") return "sha256";
  throw new HsmError("unsupported", `${algorithm} is not an algorithm of key pairs in PKCS#11 tokens.`);
}

/**
 * The plaintext, made by `secret`. null: the padding is wrong, as the worker has found; where the token takes it off, it
 * fails as it does at any other fault.
 */
export function decryptWith(
  token: Cryptoki,
  privateKey: Handle,
  algorithm: EncryptionAlgorithm,
  ciphertext: Bytes,
  unpadding: Unpadding,
): Bytes | null {
  const { mechanism, unpadded } = decryption(algorithm, unpadding);
  return unpadded(token.decrypt(mechanism, privateKey, ciphertext), ciphertext.length);
}

/** What C_Decrypt does for a decryption. */
export function decryption(
  algorithm: EncryptionAlgorithm,
  unpadding: Unpadding,
): {
  readonly mechanism: Mechanism;
  /** The plaintext, or null, of what C_Decrypt gave for a ciphertext of `length`. */
  unpadded(answer: Bytes, length: number): Bytes | null;
} {
  const hash = oaepHashOf(algorithm);
  if (unpadding === "token") return { mechanism: oaep(hash), unpadded: (plaintext) => plaintext };
  return {
    mechanism: { mechanism: pkcs11js.CKM_RSA_X_509 },
    unpadded(encoded, length) {
      try {
        if (encoded.length !== length) throw new HsmError("internal", "the token drops zeros of raw RSA");
        return unpadOaep(encoded, hash);
      } finally {
        wipe(encoded);
      }
    },
  };
}
