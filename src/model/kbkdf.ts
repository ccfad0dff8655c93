import { type Bytes, equalBytes, utf8 } from "../base/bytes.ts";

/** Purposes of a derived key; eleven ASCII bytes each, so that the fixed input has one length. */
export type KbkdfLabel =
  | "SR1-encrypt"
  | "SR1-sm4-gcm"
  | "SR1-keyname"
  | "SR1-records"
  | "SR1-hsmroot"
  | "SR1-hsmfile"
  | "SR1-hsmname";

/** No nonce: what is derived is a name. */
export const noNonce = new Uint8Array(16);

/** HMAC'd to name an HMAC key: one byte longer than any message that GenerateMac accepts, so that it is no oracle. */
export const namingMessage = new Uint8Array(4097);

/** 00000001 ‖ "SR1-" */
const keyDerivation = Uint8Array.of(0, 0, 0, 1, 0x53, 0x52, 0x31, 0x2d);

/**
 * Whether a message is none that HMAC keys may take: the same bytes may be a symmetric key elsewhere, and its MAC a key
 * derived from that.
 */
export const isKeyDerivation = (message: Bytes): boolean =>
  equalBytes(message.subarray(0, keyDerivation.length), keyDerivation);

/**
 * The fixed input of KBKDF (SP 800-108 §4.1), 48 bytes:
 * `label 11 ‖ 00 ‖ key id 16 ‖ N 16 ‖ L 4 (bits, big-endian)`; with the counter 00000001 in front it is 52,
 * one SHA-256 block after the key's midstate. L is 128 for SM4, otherwise 256: whoever derives takes that much of K(1).
 */
export function kbkdfFixedInput(label: KbkdfLabel, keyId: Bytes, nonce: Bytes): Bytes {
  const input = new Uint8Array(fixedInputLength);
  writeKbkdfFixedInput(input, 0, label, keyId, nonce);
  return input;
}

export const fixedInputLength = 48;

/** The same, into `target` from `offset` on: whoever derives a key for each call has a place for it. */
export function writeKbkdfFixedInput(
  target: Bytes,
  offset: number,
  label: KbkdfLabel,
  keyId: Bytes,
  nonce: Bytes,
): void {
  target.set(labels[label], offset);
  target[offset + 11] = 0;
  target.set(keyId, offset + 12);
  target.set(nonce, offset + 28);
  target.set(label === "SR1-sm4-gcm" ? bits128 : bits256, offset + 44);
}

const labels: Readonly<Record<KbkdfLabel, Bytes>> = {
  "SR1-encrypt": utf8("SR1-encrypt"),
  "SR1-sm4-gcm": utf8("SR1-sm4-gcm"),
  "SR1-keyname": utf8("SR1-keyname"),
  "SR1-records": utf8("SR1-records"),
  "SR1-hsmroot": utf8("SR1-hsmroot"),
  "SR1-hsmfile": utf8("SR1-hsmfile"),
  "SR1-hsmname": utf8("SR1-hsmname"),
};
const bits256 = Uint8Array.of(0, 0, 1, 0);
const bits128 = Uint8Array.of(0, 0, 0, 128);
