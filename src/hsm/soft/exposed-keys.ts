import { createHmac, createPublicKey, type KeyObject } from "node:crypto";
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { refused } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { isOfSpec } from "../../engine/asymmetric/imported-pair.ts";
import { exportSpki, privateKeyOf, taken } from "../../engine/asymmetric/keys.ts";
import { parseEkt } from "../../model/ekt.ts";
import type { HbkMeta, HbkUsage } from "../../model/hbk.ts";
import { isKeyDerivation, namingMessage } from "../../model/kbkdf.ts";
import type { HbkSpec } from "../../model/key-spec.ts";
import type { Ekt } from "../hsm.ts";
import type { Domain } from "./domain.ts";

/*
 * Keys that are not used inside the boundary (`isExposed` of model/hbk.ts): they come out of it for one call, into memory
 * made by `secret`, and are wiped when that call ends.
 */

export async function withExposed<Answer>(
  domain: Domain,
  key: Ekt,
  usage: HbkUsage,
  use: (material: Bytes) => Answer | Promise<Answer>,
): Promise<Answer> {
  const material = domain.boundary.expose(domain.met(key), usage);
  try {
    return await use(material);
  } finally {
    wipe(material);
  }
}

/** An HMAC key as long as its hash (FIPS 198-1 §3). */
export function generateHmacKey(domain: Domain, meta: HbkMeta): Ekt {
  const material = domain.boundary.random(Number(meta.spec.slice("HMAC_".length)) / 8);
  try {
    return sealExposed(domain, meta, material);
  } finally {
    wipe(material);
  }
}

export function macByExposed(domain: Domain, key: Ekt, spec: HbkSpec, message: Bytes): Promise<Bytes> {
  if (isKeyDerivation(message)) throw refused("the message has the form of a key derivation");
  return withExposed(domain, key, "GENERATE_VERIFY_MAC", (material) => hmac(spec, material, message));
}

/** A token over material that came from elsewhere, if that is the material of the HBK id. */
export function importNamed(domain: Domain, meta: HbkMeta, hbkId: Bytes, material: Bytes): Ekt {
  const ekt = sealExposed(domain, meta, material);
  if (!equalBytes(parseEkt(ekt).hbkId, hbkId)) throw refused("the material is not that of the HBK id");
  return ekt;
}

/** A token over it, under its own name. */
export function sealExposed(domain: Domain, meta: HbkMeta, material: Bytes): Ekt {
  const commitment = commitmentOf(meta, material);
  try {
    return domain.boundary.importExposed(domain.head(meta), commitment, material);
  } finally {
    wipe(commitment);
  }
}

/** What the HBK id hashes. */
function commitmentOf({ kind, spec }: HbkMeta, material: Bytes): Bytes {
  if (kind === "kms-hmac") return hmac(spec, material, namingMessage);
  const key = read(material);
  const spki = exportSpki(createPublicKey(key));
  if (!isOfSpec(spec, key, spki)) throw refused(`the material is no ${spec} key`);
  return spki;
}

function read(pkcs8: Bytes): KeyObject {
  try {
    return privateKeyOf(pkcs8);
  } catch (cause) {
    throw refused("the material is no private key", cause);
  }
}

const hmac = (spec: HbkSpec, material: Bytes, message: Bytes): Bytes =>
  taken(
    createHmac(`sha${spec.slice("HMAC_".length)}`, material)
      .update(message)
      .digest(),
  );
