import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { type Bytes, bufferOf } from "../../base/bytes.ts";
import { secretFrom, wipe } from "../../base/secret.ts";

/** Both in DER: a SubjectPublicKeyInfo and a PKCS#8 PrivateKeyInfo. Whoever gets one wipes `privateKey`. */
export interface KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: Bytes;
}

/** OpenSSL cleanses its copy when the object is collected, which is not at once. */
export const privateKeyOf = (pkcs8: Bytes): KeyObject =>
  createPrivateKey({ key: bufferOf(pkcs8), format: "der", type: "pkcs8" });

export const publicKeyOf = (spki: Bytes): KeyObject =>
  createPublicKey({ key: bufferOf(spki), format: "der", type: "spki" });

/** The public half of a private key. */
export const spkiOf = (pkcs8: Bytes): Bytes => exportSpki(createPublicKey(privateKeyOf(pkcs8)));

export const exportSpki = (key: KeyObject): Bytes => new Uint8Array(key.export({ format: "der", type: "spki" }));

/** A Buffer of node:crypto as an array of our own; its memory is wiped. */
export function taken(buffer: Buffer): Bytes {
  const bytes = secretFrom(buffer);
  wipe(buffer);
  return bytes;
}
