import { hash } from "node:crypto";
import { ByteReader, type Bytes, concat } from "../base/bytes.ts";
import { ciphertextVersion, hbkIdLength, suiteExternal, tagLength } from "./ciphertext.ts";

/**
 * Ciphertext of a key in an external key store: encrypted under the key's HBK as model/ciphertext.ts says, and what came
 * out, header included, by the external key (AES-GCM):
 *
 *   version 1 ‖ suite 1 ‖ HBK id 32 ‖ u8 length ‖ metadata 0 to 20 ‖ u8 length ‖ IV 12 or 16 ‖ tag 16 ‖ ciphertext
 *
 * Metadata are whatever the proxy wants to see again. The external key's AAD is `externalAad`.
 */
export interface ExternalCiphertext {
  readonly hbkId: Bytes;
  /** Empty: there are none. */
  readonly metadata: Bytes;
  readonly iv: Bytes;
  readonly tag: Bytes;
  readonly ciphertext: Bytes;
}

/** Of the specification of the external key store proxy API. */
export const metadataLimit = 20;
export const externalIvLengths: readonly number[] = [12, 16];
export const externalTagLength = tagLength;

/** undefined when `bytes` is no such ciphertext. The parts are views. */
export function parseExternal(bytes: Bytes): ExternalCiphertext | undefined {
  const reader = new ByteReader(bytes);
  try {
    if (reader.uint8() !== ciphertextVersion || reader.uint8() !== suiteExternal) return undefined;
    const hbkId = reader.take(hbkIdLength);
    const metadata = reader.take(reader.uint8());
    const iv = reader.take(reader.uint8());
    const tag = reader.take(externalTagLength);
    const known = metadata.length <= metadataLimit && externalIvLengths.includes(iv.length);
    return known ? { hbkId, metadata, iv, tag, ciphertext: reader.take(reader.remaining) } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export const buildExternal = ({ hbkId, metadata, iv, tag, ciphertext }: ExternalCiphertext): Bytes =>
  concat(head(hbkId), Uint8Array.of(metadata.length), metadata, Uint8Array.of(iv.length), iv, tag, ciphertext);

/**
 * Version ‖ suite ‖ HBK id ‖ SHA-256(binding): a proxy takes 8,192 bytes at most, which a long encryption context would
 * not leave room in, and what the context says is none of its business.
 */
export const externalAad = (hbkId: Bytes, binding: Bytes): Bytes =>
  concat(head(hbkId), hash("sha256", binding, "buffer"));

const head = (hbkId: Bytes): Bytes => concat(Uint8Array.of(ciphertextVersion, suiteExternal), hbkId);
