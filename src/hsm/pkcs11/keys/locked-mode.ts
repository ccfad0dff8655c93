import pkcs11js from "pkcs11js";
import { HsmError } from "../../../base/errors.ts";
import { ektSuites } from "../../../model/ekt.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle, type Mechanism } from "../cryptoki/cryptoki.ts";
import { aesKey, moving, used, usesOfKek, type Wrapping } from "./wrapping.ts";

/**
 * What a locked domain key has beside the attributes of a plain one. Keys leave it for use only: not to be read, not to be
 * wrapped again, and not to derive readable keys from. Keys are generated extractable, wrapped once and destroyed.
 *
 * One mechanism, because a second one on the same key is an oracle for the first: where CBC with padding unwraps too, its
 * refusals decrypt blocks of AES, and so whatever RFC 5649 has wrapped.
 */
export const lockOf = ({ mechanism }: Wrapping): Attributes => ({
  unwrapTemplate: { sensitive: true, extractable: false, derive: false },
  allowedMechanisms: [mechanism],
});

/** All but that of `wrapping`. */
export const otherMechanisms = (wrapping: Wrapping): readonly Mechanism[] =>
  mechanisms.filter(({ mechanism }) => mechanism !== wrapping.mechanism);

const iv = Buffer.alloc(16);
/** Whatever wraps under an AES key, or could be made to. */
const mechanisms: readonly Mechanism[] = [
  { mechanism: pkcs11js.CKM_AES_KEY_WRAP },
  { mechanism: pkcs11js.CKM_AES_KEY_WRAP_PAD },
  { mechanism: 0x210b },
  { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: iv },
  { mechanism: pkcs11js.CKM_AES_CBC, parameter: iv },
  { mechanism: pkcs11js.CKM_AES_ECB },
];

/** Throws `HsmError("unsupported")`, with the reason, where the module does not hold what a locked domain key is for. */
export function requireLocks(token: Cryptoki, wrapping: Wrapping): void {
  if (wrapping.suite !== ektSuites.kwp) {
    throw unsupported("needs RFC 5649 key wrap, as the padding of CBC answers questions about keys");
  }
  const attributes = { ...aesKey, ...usesOfKek, modifiable: false, valueLen: 32, ...lockOf(wrapping) };
  let kek: Handle;
  try {
    kek = token.generateKey(pkcs11js.CKM_AES_KEY_GEN, attributes);
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    throw unsupported(`needs CKA_UNWRAP_TEMPLATE and CKA_ALLOWED_MECHANISMS: ${error.message}`);
  }
  try {
    const hole = holeOf(token, wrapping, kek);
    if (hole) throw unsupported(`would not hold: ${hole}`);
  } finally {
    token.destroy(kek);
  }
}

/** Throws `HsmError("internal")` unless `kek` is locked. */
export function proveLocked(token: Cryptoki, wrapping: Wrapping, kek: Handle): void {
  const hole = holeOf(token, wrapping, kek);
  if (hole) throw new HsmError("internal", `the domain key is not locked: ${hole}`);
}

/** What someone with the PIN could do, by trying it on a key that protects nothing; undefined when none of it works. */
function holeOf(token: Cryptoki, wrapping: Wrapping, kek: Handle): string | undefined {
  const key = token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, { ...moving, valueLen: 32 });
  const wrapped = wrapping.wrap(kek, key);
  const back = wrapping.unwrap(kek, wrapped, used);
  const unwrapTo = (attributes: Attributes) => () => wrapping.unwrap(kek, wrapped, { ...used, ...attributes });
  const holes: readonly (readonly [string, () => unknown])[] = [
    ["keys unwrap readable", unwrapTo({ sensitive: false })],
    ["keys unwrap to be wrapped again", unwrapTo({ extractable: true })],
    ["keys unwrap to derive others from", unwrapTo({ derive: true })],
    ["keys in use can be wrapped", () => wrapping.wrap(kek, back)],
    ["keys in use can be made readable", () => token.set(back, { sensitive: false })],
    ["keys in use can be made to be wrapped", () => token.set(back, { extractable: true })],
    ["copies of keys in use are readable", () => token.copy(back, { sensitive: false })],
    ["copies of keys in use can be wrapped", () => token.copy(back, { extractable: true })],
    ...otherMechanisms(wrapping).map((mechanism) => {
      const name = `the key wraps by mechanism 0x${mechanism.mechanism.toString(16)}, too`;
      return [name, () => token.wrap(mechanism, kek, key)] as const;
    }),
  ];
  const found = holes.find(([, attempt]) => succeeds(attempt));
  token.destroy(back);
  token.destroy(key);
  return found?.[0];
}

export function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    // Refused, or the attribute was not given after all.
    if (error instanceof CryptokiError || error instanceof HsmError) return false;
    throw error;
  }
}

const unsupported = (reason: string): HsmError => new HsmError("unsupported", `a locked domain key ${reason}`);
