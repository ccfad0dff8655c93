/** Octets. Secret ones are made by `secret` only, see base/secret.ts. */
export type Bytes = Uint8Array;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true });

export const utf8 = (text: string): Bytes => utf8Encoder.encode(text);

/** Throws a TypeError on octets that are not UTF-8. */
export const fromUtf8 = (bytes: Bytes): string => utf8Decoder.decode(bytes);

export const hex = (bytes: Bytes): string => bytes.toHex();
export const fromHex = (text: string): Bytes => Uint8Array.fromHex(text);
export const base64 = (bytes: Bytes): string => bytes.toBase64();

/** Standard, padded base64; undefined when `text` is anything else. */
export function fromBase64(text: string): Bytes | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

export function concat(...parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Lexicographic order of octets, a prefix first. Not for secrets: its time depends on the contents. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export const equalBytes = (a: Bytes, b: Bytes): boolean => compareBytes(a, b) === 0;

/**
 * The same memory as a Buffer, for functions of Node that want one. `Buffer.from(bytes)` would copy it into the pool that
 * Buffers share, where nobody wipes it.
 */
export const bufferOf = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

export function uint16(value: number): Bytes {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value);
  return bytes;
}

export function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Reads big-endian fields in order. Every read past the end throws a RangeError. */
export class ByteReader {
  #offset = 0;
  readonly #bytes: Bytes;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** A view, not a copy. */
  take(length: number): Bytes {
    if (length > this.remaining) throw new RangeError("truncated");
    const part = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return part;
  }

  uint8(): number {
    return this.take(1)[0] as number;
  }

  uint16(): number {
    const part = this.take(2);
    return ((part[0] as number) << 8) | (part[1] as number);
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }
}
