import type { Bytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { isOutage } from "../cryptoki/second-try.ts";
import { encryptOaep, makePair, type OaepHash, oaep, rsaKey } from "./rsa.ts";

/**
 * Keys whose value this process has, or is to have. A module in FIPS mode takes none in the clear and gives none
 * (ISO/IEC 19790 §7.9.5: quirks.takesNoneInTheClear): there they come in under a key pair of the token's own, and go out
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
export const bringIn = (token: Cryptoki, material: Material): Handle =>
  entrances.get(token)?.(material) ?? token.create(material);

/** As `bringInKnown`, before all others: this decides how keys come in and go out, which no later failure changes. */
export function bringInFirst(token: Cryptoki, material: Material): Handle {
  try {
    return bringInKnown(token, material);
  } catch (error) {
    const { cause } = error as HsmError;
    if (!(cause instanceof CryptokiError) || isOutage(cause)) throw error;
    const entrance = unlessFailed(() => entranceOf(token, material));
    if (!entrance) throw error;
    entrances.set(token, entrance);
    return entrance(material);
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
  const entrance = (["sha256", "sha1"] as const).map(through).find((entrance) => opens(token, entrance, material));
  token.destroy(publicKey);
  if (!entrance) token.destroy(privateKey);
  return entrance;
}

const opens = (token: Cryptoki, entrance: Entrance, material: Material): boolean =>
  unlessFailed(() => {
    token.destroy(entrance(material));
    return true;
  }) ?? false;

/** undefined where the module fails. */
function unlessFailed<Answer>(use: () => Answer): Answer | undefined {
  try {
    return use();
  } catch (error) {
    if (error instanceof CryptokiError) return undefined;
    throw error;
  }
}
