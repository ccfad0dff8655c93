import type { Bytes } from "../../../src/base/bytes.ts";

/** Hexadecimal. */
export interface Fixture {
  readonly domainKeyId: string;
  readonly sealed: string;
  readonly ekt: string;
  readonly sm4Ekt: string;
  readonly aad: string;
  readonly ciphertext: string;
  readonly sm4Ciphertext: string;
  readonly wrapped: string;
  /** Masked. */
  readonly root: string;
  readonly kek: string;
}

/** In place, and its own inverse. */
export function mask(bytes: Bytes): Bytes {
  for (const [i, byte] of bytes.entries()) bytes[i] = byte ^ 0x5a;
  return bytes;
}
