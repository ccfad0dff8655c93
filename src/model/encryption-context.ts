import { type Bytes, compareBytes, concat, uint16, uint32, utf8 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";

/** Pairs of strings; order does not matter, case does. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Longest canonical form, in bytes. */
const contextLimit = 8192;

/**
 * What a ciphertext is bound to beside its header:
 * `u16 length ‖ key id ‖ u16 pair count ‖ (u32 length ‖ key ‖ u32 length ‖ value)*`.
 * `keyId` is the bare id, never an ARN or region, so that replicas of a key agree. Pairs are sorted by the UTF-8 bytes
 * of the key: JavaScript sorts UTF-16 units, which differs beyond U+FFFF. Strings must be well-formed (the request
 * reader checks): an unpaired surrogate and U+FFFD encode alike.
 */
export function binding(keyId: string, context: EncryptionContext = {}): Bytes {
  const pairs = Object.entries(context)
    .map(([key, value]) => [utf8(key), utf8(value)] as const)
    .sort(([a], [b]) => compareBytes(a, b));
  const fields = pairs.flatMap(([key, value]) => [uint32(key.length), key, uint32(value.length), value]);
  const canonical = concat(uint16(pairs.length), ...fields);
  if (pairs.length > 0xffff || canonical.length > contextLimit) {
    throw new KmsError("ValidationException", "The encryption context is too large.");
  }
  const id = utf8(keyId);
  return concat(uint16(id.length), id, canonical);
}
