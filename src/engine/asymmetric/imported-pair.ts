import { createPublicKey, type KeyObject } from "node:crypto";
import { type Bytes, equalBytes, utf8 } from "../../base/bytes.ts";
import { wipe } from "../../base/secret.ts";
import { algorithmsOf } from "../../model/algorithms.ts";
import type { HbkSpec, SigningAlgorithm } from "../../model/key-spec.ts";
import type { Asymmetric } from "./asymmetric.ts";
import { algorithmIdentifierOf } from "./key-pairs.ts";
import { exportSpki, type KeyPair, privateKeyOf, taken } from "./keys.ts";

/**
 * The key pair of a PrivateKeyInfo (RFC 5208) from elsewhere, encoded anew, its public half computed from the private one.
 * null: it is none of `spec`, or its parts do not fit together.
 */
export async function importedPair(asymmetric: Asymmetric, spec: HbkSpec, pkcs8: Bytes): Promise<KeyPair | null> {
  const key = read(pkcs8);
  if (!key) return null;
  const publicKey = exportSpki(createPublicKey(key));
  if (!isOfSpec(spec, key, publicKey)) return null;
  const privateKey = taken(key.export({ format: "der", type: "pkcs8" }));
  const pair = { publicKey, privateKey };
  if (await isConsistent(asymmetric, spec, pair)) return pair;
  wipe(privateKey);
  return null;
}

function read(pkcs8: Bytes): KeyObject | null {
  try {
    return privateKeyOf(pkcs8);
  } catch {
    return null;
  }
}

/**
 * Whether it is a key of `spec`; `spki` is its public half. Named curves only: parameters written out can describe a
 * weaker group of the same name.
 */
export function isOfSpec(spec: HbkSpec, key: KeyObject, spki: Bytes): boolean {
  if (spec.startsWith("RSA")) {
    const bits = Number(spec.slice("RSA_".length));
    return key.asymmetricKeyType === "rsa" && key.asymmetricKeyDetails?.modulusLength === bits;
  }
  const identifier = algorithmIdentifierOf(spec);
  const long = (spki[1] as number) & 0x80 ? (spki[1] as number) & 0x7f : 0;
  return identifier !== undefined && equalBytes(spki.subarray(2 + long, 2 + long + identifier.length), identifier);
}

const message = utf8("pairwise consistency");

/** FIPS 140-3 IG 10.3.A: what the private key signs, the public one verifies, whatever the pair is for. */
async function isConsistent(asymmetric: Asymmetric, spec: HbkSpec, pair: KeyPair): Promise<boolean> {
  const [algorithm] = (algorithmsOf(spec, "SIGN_VERIFY") ?? []) as readonly SigningAlgorithm[];
  if (!algorithm) return false;
  try {
    const signature = await asymmetric.sign(algorithm, pair.privateKey, message, "RAW");
    return await asymmetric.verify(algorithm, pair.publicKey, message, "RAW", signature);
  } catch {
    return false;
  }
}
