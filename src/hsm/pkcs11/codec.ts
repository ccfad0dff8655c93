import { isAscii } from "node:buffer";
import { type Bytes, fromUtf8 } from "../../base/bytes.ts";
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
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot cross to a worker`);
  let length = 5;
  if (Array.isArray(value)) {
    for (const item of value) length += encodedLength(item);
  } else {
    for (const [key, item] of Object.entries(value)) length += encodedLength(key) + encodedLength(item);
  }
  return length;
}

/** Writes `value` into `target` and answers the offset behind it. */
export function encode(value: unknown, target: Buffer, offset: number): number {
  if (value === undefined) return target.writeUInt8(tags.undefined, offset);
  if (value === null) return target.writeUInt8(tags.null, offset);
  if (typeof value === "boolean") return target.writeUInt8(value ? tags.true : tags.false, offset);
  if (typeof value === "number") return target.writeDoubleBE(value, target.writeUInt8(tags.number, offset));
  if (typeof value === "string") {
    const start = counted(target, offset, tags.string, Buffer.byteLength(value));
    return start + target.write(value, start, "utf8");
  }
  if (value instanceof Uint8Array) {
    const start = counted(target, offset, tags.bytes, value.length);
    target.set(value, start);
    return start + value.length;
  }
  if (Array.isArray(value)) {
    let end = counted(target, offset, tags.array, value.length);
    for (const item of value) end = encode(item, target, end);
    return end;
  }
  const entries = Object.entries(value as object);
  let end = counted(target, offset, tags.object, entries.length);
  for (const [key, item] of entries) end = encode(item, target, encode(key, target, end));
  return end;
}

const counted = (target: Buffer, offset: number, tag: number, count: number): number =>
  target.writeUInt32BE(count, target.writeUInt8(tag, offset));

/** A frame: `u32 length of the rest ‖ u32 call ‖ u8 code ‖ value`, in memory that can be wiped. */
export function frame(call: number, code: number, value: unknown): Bytes {
  const bytes = secret(frameHead + encodedLength(value));
  const target = Buffer.from(bytes.buffer);
  target.writeUInt32BE(bytes.length - 4, 0);
  target.writeUInt32BE(call, 4);
  target.writeUInt8(code, 8);
  encode(value, target, frameHead);
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

const nothing = secret(0);

/** Cuts a stream into frames, each in memory of its own made by `secret`; what was received is wiped. */
export class FrameReader {
  #rest: Bytes = nothing;

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
    this.#rest = offset === data.length ? nothing : secretFrom(data.subarray(offset));
    data.fill(0);
    return frames;
  }
}

class Decoder {
  readonly #bytes: Buffer;
  #offset = 0;

  /** `bytes` has its buffer for itself. */
  constructor(bytes: Bytes) {
    this.#bytes = Buffer.from(bytes.buffer);
  }

  whole(): unknown {
    const value = this.#value(0);
    if (this.#offset !== this.#bytes.length) throw new RangeError("a value that does not fill its frame");
    return value;
  }

  #value(depth: number): unknown {
    if (depth > 8) throw new RangeError("a value nested too deep");
    const tag = this.#bytes.readUInt8(this.#offset++);
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
        return this.#bytes.readDoubleBE(this.#offset - 8);
      case tags.string:
        return this.#text();
      case tags.bytes:
        return this.#octets();
      case tags.array: {
        const items: unknown[] = [];
        for (let left = this.#count(); left > 0; left--) items.push(this.#value(depth + 1));
        return items;
      }
      case tags.object: {
        const entries: [unknown, unknown][] = [];
        for (let left = this.#count(); left > 0; left--) entries.push([this.#value(depth + 1), this.#value(depth + 1)]);
        return Object.fromEntries(entries);
      }
      default:
        throw new RangeError("a value of no known type");
    }
  }

  #text(): string {
    const octets = this.#octets();
    return isAscii(octets)
      ? this.#bytes.toString("latin1", this.#offset - octets.length, this.#offset)
      : fromUtf8(octets);
  }

  #octets(): Bytes {
    const length = this.#bytes.readUInt32BE(this.#offset);
    const start = this.#offset + 4;
    if (length > this.#bytes.length - start) throw new RangeError("octets past the end of a frame");
    this.#offset = start + length;
    return new Uint8Array(this.#bytes.buffer, start, length);
  }

  #count(): number {
    const count = this.#bytes.readUInt32BE(this.#offset);
    this.#offset += 4;
    // Every value takes an octet at least.
    if (count > this.#bytes.length - this.#offset) throw new RangeError("a count past the end of a frame");
    return count;
  }
}
