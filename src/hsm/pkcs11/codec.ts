import { type Bytes, fromUtf8, utf8 } from "../../base/bytes.ts";
import { secret, secretFrom } from "../../base/secret.ts";

/**
 * The binary form of values that cross between the server and a worker: undefined, null, booleans, numbers, strings,
 * bytes, arrays and plain objects of those. One tag byte, then
 * a number: float64 · a string, bytes: u32 length and octets · an array: u32 count and values ·
 * an object: u32 count and (string, value) pairs.
 */
const tags = { undefined: 0, null: 1, false: 2, true: 3, number: 4, string: 5, bytes: 6, array: 7, object: 8 } as const;

/** How many octets `encode` writes. */
export function encodedLength(value: unknown): number {
  if (value === undefined || value === null || typeof value === "boolean") return 1;
  if (typeof value === "number") return 9;
  if (typeof value === "string") return 5 + Buffer.byteLength(value);
  if (value instanceof Uint8Array) return 5 + value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + encodedLength(item), 5);
  if (typeof value === "object") {
    return Object.entries(value).reduce((sum, [key, item]) => sum + encodedLength(key) + encodedLength(item), 5);
  }
  throw new TypeError(`a ${typeof value} cannot cross to a worker`);
}

/** Writes `value` into `target` and answers the offset behind it. */
export function encode(value: unknown, target: DataView, offset: number): number {
  if (value === undefined) return tagged(target, offset, tags.undefined);
  if (value === null) return tagged(target, offset, tags.null);
  if (typeof value === "boolean") return tagged(target, offset, value ? tags.true : tags.false);
  if (typeof value === "number") {
    target.setFloat64(tagged(target, offset, tags.number), value);
    return offset + 9;
  }
  if (typeof value === "string") return octets(target, offset, tags.string, utf8(value));
  if (value instanceof Uint8Array) return octets(target, offset, tags.bytes, value);
  if (Array.isArray(value)) {
    const start = counted(target, offset, tags.array, value.length);
    return value.reduce((end: number, item) => encode(item, target, end), start);
  }
  const entries = Object.entries(value as object);
  const start = counted(target, offset, tags.object, entries.length);
  return entries.reduce((end, [key, item]) => encode(item, target, encode(key, target, end)), start);
}

function tagged(target: DataView, offset: number, tag: number): number {
  target.setUint8(offset, tag);
  return offset + 1;
}

function counted(target: DataView, offset: number, tag: number, count: number): number {
  target.setUint32(tagged(target, offset, tag), count);
  return offset + 5;
}

function octets(target: DataView, offset: number, tag: number, bytes: Bytes): number {
  const start = counted(target, offset, tag, bytes.length);
  new Uint8Array(target.buffer, target.byteOffset + start, bytes.length).set(bytes);
  return start + bytes.length;
}

/** A frame: `u32 length of the rest ‖ u32 call ‖ u8 code ‖ value`, in memory that can be wiped. */
export function frame(call: number, code: number, value: unknown): Bytes {
  const bytes = secret(frameHead + encodedLength(value));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length - 4);
  view.setUint32(4, call);
  view.setUint8(8, code);
  encode(value, view, frameHead);
  return bytes;
}
const frameHead = 9;
/** Far more than any call takes; a longer frame is a broken peer. */
const longestFrame = 1 << 20;

export interface Frame {
  readonly call: number;
  readonly code: number;
  /** Bytes in it are views of `memory`. */
  readonly value: unknown;
  readonly memory: Bytes;
}

/** Cuts a stream into frames, each in memory of its own made by `secret`; what was received is wiped. */
export class FrameReader {
  #rest: Bytes = secret(0);

  /** A RangeError or TypeError when the peer does not keep to the format. Takes `chunk` over. */
  push(chunk: Bytes): Frame[] {
    let data = chunk;
    if (this.#rest.length > 0) {
      data = secret(this.#rest.length + chunk.length);
      data.set(this.#rest);
      data.set(chunk, this.#rest.length);
      this.#rest.fill(0);
      chunk.fill(0);
    }
    const frames: Frame[] = [];
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    let offset = 0;
    while (data.length - offset >= 4) {
      const end = offset + 4 + view.getUint32(offset);
      if (end - offset > longestFrame || end - offset < frameHead)
        throw new RangeError("a frame of an impossible length");
      if (end > data.length) break;
      const memory = secretFrom(data.subarray(offset + frameHead, end));
      const value = new Decoder(memory).whole();
      frames.push({ call: view.getUint32(offset + 4), code: view.getUint8(offset + 8), value, memory });
      offset = end;
    }
    this.#rest = secretFrom(data.subarray(offset));
    data.fill(0);
    return frames;
  }
}

class Decoder {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  whole(): unknown {
    const value = this.#value(0);
    if (this.#offset !== this.#bytes.length) throw new RangeError("a value that does not fill its frame");
    return value;
  }

  #value(depth: number): unknown {
    if (depth > 8) throw new RangeError("a value nested too deep");
    const tag = this.#view.getUint8(this.#offset++);
    switch (tag) {
      case tags.undefined:
        return undefined;
      case tags.null:
        return null;
      case tags.false:
      case tags.true:
        return tag === tags.true;
      case tags.number:
        this.#offset += 8;
        return this.#view.getFloat64(this.#offset - 8);
      case tags.string:
        return fromUtf8(this.#octets());
      case tags.bytes:
        return this.#octets();
      case tags.array:
        return Array.from({ length: this.#count() }, () => this.#value(depth + 1));
      case tags.object:
        return Object.fromEntries(
          Array.from({ length: this.#count() }, () => [this.#value(depth + 1), this.#value(depth + 1)]),
        );
      default:
        throw new RangeError("a value of no known type");
    }
  }

  #octets(): Bytes {
    const length = this.#view.getUint32(this.#offset);
    const start = this.#offset + 4;
    if (length > this.#bytes.length - start) throw new RangeError("octets past the end of a frame");
    this.#offset = start + length;
    return this.#bytes.subarray(start, this.#offset);
  }

  #count(): number {
    const count = this.#view.getUint32(this.#offset);
    this.#offset += 4;
    // Every value takes an octet at least.
    if (count > this.#bytes.length - this.#offset) throw new RangeError("a count past the end of a frame");
    return count;
  }
}
