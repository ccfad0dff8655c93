import type { Bytes } from "../base/bytes.ts";

/**
 * Symmetric ciphertext, the same from every driver:
 *
 *   version 1 ‖ suite 1 ‖ HBK id 32 ‖ N 16 ‖ IV 12 ‖ ciphertext ‖ tag 16
 *   └──────────────── header, 62 ──────────────┘
 *
 * K = KBKDF(HBK, "SR1-encrypt", key id, N); AES-256-GCM under K; AAD = header ‖ binding (model/encryption-context.ts).
 */
export const ciphertextVersion = 1;
/** KBKDF in counter mode with HMAC-SHA-256 (SP 800-108), then AES-256-GCM (SP 800-38D). */
export const suiteKbkdfAesGcm = 1;
/** The same, and once more by an external key: model/external-ciphertext.ts. */
export const suiteExternal = 2;

export const headerLength = 62;
export const tagLength = 16;
export const nonceLength = 16;
export const ivLength = 12;
export const hbkIdLength = 32;
export const ciphertextOverhead = headerLength + tagLength;

export interface CiphertextHeader {
  readonly hbkId: Bytes;
  readonly nonce: Bytes;
  readonly iv: Bytes;
}

/** undefined when `ciphertext` is too short, or of a version or suite that is not known. */
export function parseHeader(ciphertext: Bytes): CiphertextHeader | undefined {
  if (ciphertext.length < ciphertextOverhead) return undefined;
  if (ciphertext[0] !== ciphertextVersion || ciphertext[1] !== suiteKbkdfAesGcm) return undefined;
  return {
    hbkId: ciphertext.subarray(2, 34),
    nonce: ciphertext.subarray(34, 50),
    iv: ciphertext.subarray(50, headerLength),
  };
}

/** The HBK that a ciphertext of either suite names; undefined when it is neither. */
export function namedHbkId(ciphertext: Bytes): Bytes | undefined {
  if (ciphertext.length < 2 + hbkIdLength || ciphertext[0] !== ciphertextVersion) return undefined;
  return ciphertext[1] === suiteExternal ? ciphertext.subarray(2, 34) : parseHeader(ciphertext)?.hbkId;
}

export function buildHeader(hbkId: Bytes, nonce: Bytes, iv: Bytes): Bytes {
  const header = new Uint8Array(headerLength);
  header[0] = ciphertextVersion;
  header[1] = suiteKbkdfAesGcm;
  header.set(hbkId, 2);
  header.set(nonce, 34);
  header.set(iv, 50);
  return header;
}
