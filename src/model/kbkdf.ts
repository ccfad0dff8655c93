import { type Bytes, concat, uint32, utf8 } from "../base/bytes.ts";

/** Purposes of a derived key; eleven ASCII bytes each, so that the fixed input has one length. */
export type KbkdfLabel = "SR1-encrypt" | "SR1-keyname" | "SR1-records" | "SR1-hsmroot" | "SR1-hsmfile" | "SR1-hsmname";

/** No nonce: what is derived is a name. */
export const noNonce = new Uint8Array(16);

/**
 * The fixed input of KBKDF (SP 800-108 §4.1), 48 bytes:
 * `label 11 ‖ 00 ‖ key id 16 ‖ N 16 ‖ L 4 (bits, big-endian)`; with the counter 00000001 in front it is 52,
 * one SHA-256 block after the key's midstate.
 */
export const kbkdfFixedInput = (label: KbkdfLabel, keyId: Bytes, nonce: Bytes): Bytes =>
  concat(utf8(label), new Uint8Array(1), keyId, nonce, uint32(256));
