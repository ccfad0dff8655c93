import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { promisify } from "node:util";
import { type Bytes, concat, equalBytes } from "../../base/bytes.ts";
import { refused } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { privateKeyOf } from "../../engine/asymmetric/keys.ts";
import type { TransportKey } from "../admin.ts";
import type { StoredTransportKey } from "./state.ts";

/** Exported material is `RSA-OAEP(ephemeral AES-256) ‖ KWP(material under it)`, the form of CKM_RSA_AES_KEY_WRAP. */
const padding = constants.RSA_PKCS1_OAEP_PADDING;
const leastBits = 3072;
const ephemeralLength = 32;
const noKwp = "an HSM without RFC 5649 key wrap gives keys to PKCS#11 HSMs alone: to no software HSM, and to no backup";

export async function generateTransportPair(): Promise<{ spki: Bytes; pkcs8: Bytes }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: leastBits,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  return { spki: publicKey, pkcs8: privateKey };
}

export function transportKeyOf({ spki, oaepHash }: StoredTransportKey): TransportKey {
  const bytes = Uint8Array.fromBase64(spki);
  return { spki: bytes, fingerprint: fingerprintOf(bytes), oaepHash };
}

/** Refuses what is not an RSA key of at least 3,072 bits under its own fingerprint. */
export function checkTransportKey(key: TransportKey): void {
  const fit =
    key.fingerprint === fingerprintOf(key.spki) &&
    ["sha1", "sha256"].includes(key.oaepHash) &&
    modulusLengthOf(key.spki) * 8 >= leastBits;
  if (!fit) throw refused("not a transport key of at least 3,072 bits with its fingerprint");
}

/** `wrap` gives KWP(material) under the ephemeral key, which is wiped then. */
export function sealEphemeral(target: StoredTransportKey, ephemeral: Bytes, wrap: (ephemeral: Bytes) => Bytes): Bytes {
  try {
    const wrapped = wrap(ephemeral);
    const key = publicKeyOf(Uint8Array.fromBase64(target.spki));
    return concat(publicEncrypt({ key, padding, oaepHash: target.oaepHash }, ephemeral), wrapped);
  } finally {
    wipe(ephemeral);
  }
}

/** `unwrap` is given the ephemeral key and KWP(material). `pkcs8` and the ephemeral key are wiped. */
export function openEphemeral<Answer>(
  own: StoredTransportKey,
  pkcs8: Bytes,
  exported: Bytes,
  unwrap: (ephemeral: Bytes, wrapped: Bytes) => Answer,
): Answer {
  const key = privateKeyOf(pkcs8);
  wipe(pkcs8);
  const split = modulusLengthOf(Uint8Array.fromBase64(own.spki));
  if (exported.length === split) throw refused(noKwp);
  const sealed = exported.subarray(0, split);
  const ephemeral = decryptOaep(key, own.oaepHash, sealed) ?? decryptOaep(key, "sha1", sealed);
  if (!ephemeral) throw refused("the exported material is not for this HSM's transport key");
  try {
    if (ephemeral.length !== ephemeralLength) throw refused("the exported material is not under an AES-256 key");
    return unwrap(ephemeral, exported.subarray(split));
  } finally {
    wipe(ephemeral);
  }
}

/** undefined: it is not for this key, or by another hash. A source whose token lacks SHA-256 takes SHA-1. */
function decryptOaep(key: KeyObject, oaepHash: string, sealed: Bytes): Bytes | undefined {
  try {
    return privateDecrypt({ key, padding, oaepHash }, sealed);
  } catch {
    return undefined;
  }
}

/** In bytes; 0 for what is not an RSA key in DER. */
function modulusLengthOf(spki: Bytes): number {
  const key = publicKeyOf(spki);
  return key.asymmetricKeyType === "rsa" ? (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 : 0;
}

/** Only what encodes to itself: an SPKI is an identity. */
function publicKeyOf(spki: Bytes): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    if (equalBytes(key.export({ format: "der", type: "spki" }), spki)) return key;
  } catch (cause) {
    throw refused("not a public key", cause);
  }
  throw refused("not a public key in DER");
}

const fingerprintOf = (spki: Bytes): string => createHash("sha256").update(spki).digest("hex");
