import {
  decapsulate as decapsulateWith,
  diffieHellman,
  encapsulate as encapsulateFor,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { exportSpki, privateKeyOf, publicKeyOf, taken } from "./keys.ts";

/**
 * ECDH (SP 800-56A §5.7.1.2; the cofactor of these curves is 1): the x coordinate, without a key derivation.
 * null: `spki` is not a point of the curve of `pkcs8`. No keys of SM2, whose curve node:crypto does not name.
 */
export async function deriveSharedSecret(pkcs8: Bytes, spki: Bytes): Promise<Bytes | null> {
  const privateKey = privateKeyOf(pkcs8);
  const publicKey = peerOn(privateKey.asymmetricKeyDetails?.namedCurve, spki);
  return publicKey && taken(await promisify(diffieHellman)({ privateKey, publicKey }));
}

/**
 * The public key, if it is one on `curve` (OpenSSL's name). Named curves in DER only: parameters written out can describe a
 * weaker group of the same name. OpenSSL reads no point that is not on the curve.
 */
export function peerOn(curve: string | undefined, spki: Bytes): KeyObject | null {
  try {
    const peer = publicKeyOf(spki);
    const named = peer.asymmetricKeyDetails?.namedCurve === curve;
    return peer.asymmetricKeyType === "ec" && named && equalBytes(exportSpki(peer), spki) ? peer : null;
  } catch {
    return null;
  }
}

export interface Encapsulation {
  /** 32 bytes; whoever gets it wipes it. */
  readonly sharedSecret: Bytes;
  readonly ciphertext: Bytes;
}

/** ML-KEM.Encaps, FIPS 203 §7.2. */
export async function encapsulate(spki: Bytes): Promise<Encapsulation> {
  const { sharedKey, ciphertext } = await promisify(encapsulateFor)(publicKeyOf(spki));
  return { sharedSecret: taken(sharedKey), ciphertext: new Uint8Array(ciphertext) };
}

/** ML-KEM.Decaps, FIPS 203 §7.3: for a ciphertext of the right length always an answer, by implicit rejection. */
export async function decapsulate(pkcs8: Bytes, ciphertext: Bytes): Promise<Bytes> {
  return taken(await promisify(decapsulateWith)(privateKeyOf(pkcs8), ciphertext));
}
