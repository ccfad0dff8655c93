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

/** The parts in one piece. They stay with their owner. */
export function secretConcat(...parts: readonly Bytes[]): Bytes {
  const whole = secret(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function wipe(...secrets: readonly (Bytes | undefined)[]): void {
  for (const bytes of secrets) bytes?.fill(0);
}
