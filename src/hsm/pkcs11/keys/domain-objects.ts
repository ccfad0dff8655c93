import pkcs11js from "pkcs11js";
import { fromHex } from "../../../base/bytes.ts";
import type { DomainKeyMode } from "../../config.ts";
import type { DomainKeyId } from "../../domain-key.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { lockOf } from "./locked-mode.ts";
import { privatesTrustLock, secretsTrustLock } from "./trust-attributes.ts";
import { noUse, type Wrapping } from "./wrapping.ts";

const tokenSecret = { class: pkcs11js.CKO_SECRET_KEY, token: true, private: true, sensitive: true, extractable: false };

export function kekAttributes(id: DomainKeyId, label = "strongroom domain key"): Attributes {
  return { ...tokenSecret, keyType: pkcs11js.CKK_AES, label, id: fromHex(id), ...noUse, wrap: true, unwrap: true };
}

/** Beside a trusted domain key: of private keys. */
export const privatesAttributes = (id: DomainKeyId): Attributes =>
  kekAttributes(id, "strongroom private-key domain key");
/** Beside a domain key that is not plain: of kinds that the host is given. */
export const releasingAttributes = (id: DomainKeyId): Attributes => kekAttributes(id, "strongroom release key");

export function macAttributes(id: DomainKeyId): Attributes {
  const label = "strongroom MAC key";
  return { ...tokenSecret, keyType: pkcs11js.CKK_GENERIC_SECRET, label, id: fromHex(id), ...noUse, sign: true };
}

export interface NewKey {
  /** Read back. */
  readonly attributes: Attributes;
  readonly lock?: Attributes;
}

/** The keys of one version of the domain key. */
export function keysOf(
  mode: DomainKeyMode,
  wrapping: () => Wrapping,
  { id, macKeyId }: { readonly id: DomainKeyId; readonly macKeyId: DomainKeyId },
): readonly NewKey[] {
  const mac = { attributes: macAttributes(macKeyId) };
  if (mode === "plain") return [{ attributes: kekAttributes(id) }, mac];
  const others = [{ attributes: releasingAttributes(id) }, mac];
  if (mode === "trusted") return [...keysToTrust(wrapping(), id), ...others];
  return [{ attributes: kekAttributes(id), lock: lockOf(wrapping()) }, ...others];
}

/** Those of a trusted version that the security officer has to trust. */
export const keysToTrust = (wrapping: Wrapping, id: DomainKeyId): readonly NewKey[] => [
  { attributes: kekAttributes(id), lock: secretsTrustLock(wrapping) },
  { attributes: privatesAttributes(id), lock: privatesTrustLock(wrapping) },
];

export function makeKey(token: Cryptoki, { attributes, lock = {} }: NewKey): Handle {
  const isAes = attributes.keyType === pkcs11js.CKK_AES;
  const mechanism = isAes ? pkcs11js.CKM_AES_KEY_GEN : pkcs11js.CKM_GENERIC_SECRET_KEY_GEN;
  const key = token.generateKey(mechanism, { ...attributes, modifiable: false, valueLen: 32, ...lock });
  token.verify(key, attributes);
  return key;
}
