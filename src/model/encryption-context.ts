import { type Bytes, compareBytes, utf8 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { limits } from "./quotas.ts";

/** Pairs of strings; order does not matter, case does. */
export type EncryptionContext = Readonly<Record<string, string>>;

/**
 * What a ciphertext is bound to beside its header:
 * `u16 length ‖ key id ‖ u16 pair count ‖ (u32 length ‖ key ‖ u32 length ‖ value)*`.
 * `keyId` is the bare id, never an ARN or region, so that replicas of a key agree. Pairs are sorted by the UTF-8 bytes
 * of the key: JavaScript sorts UTF-16 units, which differs beyond U+FFFF. Strings must be well-formed (the request
 * reader checks): an unpaired surrogate and U+FFFD encode alike.
 */
export function binding(keyId: string, context: EncryptionContext = {}): Bytes {
  const keys = Object.keys(context);
  if (keys.length > 1) keys.sort((a, b) => compareBytes(utf8(a), utf8(b)));
  let length = 2;
  for (const key of keys) length += 8 + Buffer.byteLength(key) + Buffer.byteLength(context[key] as string);
  if (keys.length > 0xffff || length > limits.encryptionContextBytes) {
    throw new KmsError("ValidationException", "context");
  }
  const bytes = Buffer.allocUnsafe(2 + Buffer.byteLength(keyId) + length);
  let at = bytes.writeUInt16BE(Buffer.byteLength(keyId));
  at += bytes.write(keyId, at);
  at = bytes.writeUInt16BE(keys.length, at);
  for (const key of keys) at = writeText(bytes, writeText(bytes, at, key), context[key] as string);
  return bytes;
}

/** Where the text ends. */
function writeText(bytes: Buffer, at: number, text: string): number {
  const length = bytes.write(text, at + 4);
  return bytes.writeUInt32BE(length, at) + length;
}
