import type { Bytes } from "./bytes.ts";

/**
 * The only constructor of secret octets: memory of its own, outside every pool and every small typed array
 * that V8 keeps on its heap. Those move when they survive a collection and leave copies behind `fill(0)`.
 */
export const secret = (length: number): Bytes => new Uint8Array(new ArrayBuffer(length));

/** A copy of `bytes` that can be wiped. The source stays with its owner. */
export function secretFrom(bytes: Bytes): Bytes {
  const copy = secret(bytes.length);
  copy.set(bytes);
  return copy;
}

export function wipe(...secrets: readonly (Bytes | undefined)[]): void {
  for (const bytes of secrets) bytes?.fill(0);
}
