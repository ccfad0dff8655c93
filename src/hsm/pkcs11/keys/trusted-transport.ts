import pkcs11js from "pkcs11js";
import { type Bytes, concat, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { TransportKey } from "../../admin.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import type { NewKey } from "./domain-objects.ts";
import { rsaSpki } from "./public-key.ts";
import { type OaepHash, oaep } from "./rsa.ts";
import { aesKey, fingerprintOf, publicAttributes, publicKeyOf } from "./transport-key.ts";
import { trustedKey } from "./trust-attributes.ts";
import type { Wrapping } from "./wrapping.ts";

const labels = { rsa: "strongroom trusted transport key", aes: "strongroom trusted transport wrap" } as const;

export const isTransportKey = (label: string): boolean => label === labels.rsa || label === labels.aes;

/**
 * Another HSM's transport key, as an object that a security officer can trust. Its id is the fingerprint, and whoever
 * relies on it computes that again.
 */
export const trustedRsa = ({ spki, fingerprint }: TransportKey): NewKey => ({
  attributes: {
    ...publicAttributes(publicKeyOf(spki)),
    token: true,
    label: labels.rsa,
    id: fromHex(fingerprint),
  },
});

/**
 * The AES key under which material goes, itself under the RSA key: of these two no key may leave by one that is not trusted,
 * so it is not made anew for each. It wraps and does nothing else.
 */
export const trustedAes = ({ mechanism }: Wrapping, { fingerprint }: TransportKey): NewKey => ({
  attributes: {
    ...aesKey,
    token: true,
    label: labels.aes,
    id: fromHex(fingerprint),
    wrap: true,
    extractable: true,
    wrapWithTrusted: true,
  },
  lock: { allowedMechanisms: [mechanism] },
});

/** The objects of both kinds, trusted or not yet. */
export const trustedFor = (token: Cryptoki, fingerprint: string): readonly Handle[] =>
  Object.values(labels).flatMap((label) => token.find({ token: true, label, id: fromHex(fingerprint) }));

/** `key` under keys that the officer trusts, in the form of every export; refused where there are none for `target`. */
export function wrapTrusted(token: Cryptoki, kwp: Wrapping, key: Handle, target: TransportKey): Bytes {
  const rsa = requireTrusted(token, trustedRsa(target).attributes, target);
  // Whoever has the PIN can put another object in its place, but none that is trusted and has this name for its content.
  if (fingerprintOf(rsaSpki(token, rsa)) !== target.fingerprint) throw untrusted(target);
  const seal = (material: Handle) => wrapByOaep(token, rsa, material, target.oaepHash);
  if (target.direct) return seal(key);
  const aes = requireTrusted(token, trustedAes(kwp, target).attributes, target);
  return concat(seal(aes), kwp.wrap(aes, key));
}

function requireTrusted(token: Cryptoki, attributes: Attributes, target: TransportKey): Handle {
  const [key, ...others] = token.find({
    class: attributes.class as number,
    token: true,
    trusted: true,
    ...nameOf(attributes),
  });
  if (!key || others.length > 0) throw untrusted(target);
  const { private: _, ...wanted } = attributes;
  token.verify(
    key,
    attributes.class === pkcs11js.CKO_SECRET_KEY ? { ...wanted, ...trustedKey } : { ...wanted, trusted: true },
  );
  return key;
}

const nameOf = ({ label = "", id = new Uint8Array() }: Attributes) => ({ label, id });

/**
 * Every HSM opens SHA-1, too: a token that lacks the hash of the target (SoftHSM2) cannot bring in an AES key of this
 * process instead.
 */
function wrapByOaep(token: Cryptoki, rsa: Handle, key: Handle, hash: OaepHash): Bytes {
  try {
    return token.wrap(oaep(hash), rsa, key);
  } catch (error) {
    if (!(error instanceof CryptokiError) || hash === "sha1") throw error;
    return token.wrap(oaep("sha1"), rsa, key);
  }
}

const untrusted = ({ fingerprint }: TransportKey): HsmError =>
  new HsmError("refused", `the HSM's security officer has not trusted the transport key ${fingerprint}: --so-pin`);
