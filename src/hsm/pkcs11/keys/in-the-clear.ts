import type { Bytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { isOutage } from "../cryptoki/second-try.ts";
import { encryptOaep, makePair, type OaepHash, oaep, rsaKey } from "./rsa.ts";

/**
 * Keys whose value this process has, or is to have. A module in FIPS mode takes none in the clear and gives none
 * (FIPS 140-3 §7.9.5: quirks.takesNoneInTheClear): there they come in under a key pair of the token's own, and go out
 * under an AES key that this process has brought in. So who has the PIN can do the same there as elsewhere.
 */

/** The value of a secret key, and what the key may do. */
export type Material = Attributes & { readonly value: Bytes };

type Entrance = (material: Material) => Handle;
type Exit = (key: Handle) => Bytes;

const entrances = new WeakMap<Cryptoki, Entrance>();
const exits = new WeakMap<Cryptoki, Exit>();
/** Enough for a value of 190 bytes. */
const modulusBits = 2048;

/** A session object over a secret key that this process has. */
export function bringIn(token: Cryptoki, material: Material): Handle {
  const entrance = entrances.get(token);
  if (entrance) return entrance(material);
  try {
    return token.create(material);
  } catch (error) {
    if (!(error instanceof CryptokiError) || isOutage(error)) throw error;
    const found = entranceOf(token, material);
    if (!found) throw error;
    entrances.set(token, found);
    return found(material);
  }
}

/** As `bringIn`, of a key that known answers take. Throws `HsmError("unsupported")` where the token takes none. */
export function bringInKnown(token: Cryptoki, material: Material): Handle {
  try {
    return bringIn(token, material);
  } catch (error) {
    throw error instanceof CryptokiError ? lacking("the import of a known key, for the self-test", error) : error;
  }
}

export const lacking = (what: string, cause: CryptokiError): HsmError =>
  new HsmError("unsupported", `the token lacks ${what}: ${cause.message}`, { cause });

/** What a key is that `takeOut` is to give, besides extractable. */
export const toBeTakenOut = (token: Cryptoki): Attributes => ({ sensitive: entrances.has(token) });

/** How keys go out of a token that has taken a known one. */
export function letOutBy(token: Cryptoki, exit: Exit): void {
  if (entrances.has(token)) exits.set(token, exit);
}

/** The value of a key, made by `secret`. */
export const takeOut = (token: Cryptoki, key: Handle): Bytes => exits.get(token)?.(key) ?? token.readSecret(key);

/** By the first hash of OAEP that opens: quirks.oaepHasSha1Only. */
function entranceOf(token: Cryptoki, material: Material): Entrance | undefined {
  const { publicKey, privateKey } = makePair(token, { token: false }, modulusBits);
  const key = rsaKey(token, publicKey);
  const through =
    (hash: OaepHash): Entrance =>
    ({ value, ...attributes }) =>
      token.unwrap(oaep(hash), privateKey, encryptOaep(key, hash, value), attributes);
  return (["sha256", "sha1"] as const).map(through).find((entrance) => opens(token, entrance, material));
}

function opens(token: Cryptoki, entrance: Entrance, material: Material): boolean {
  try {
    token.destroy(entrance(material));
    return true;
  } catch (error) {
    if (error instanceof CryptokiError) return false;
    throw error;
  }
}
