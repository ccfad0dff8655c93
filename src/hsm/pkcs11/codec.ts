import { type Bytes, fromUtf8 } from "../../base/bytes.ts";
import { secret, secretFrom } from "../../base/secret.ts";

/**
 * The binary form of values that cross between the server and a worker: undefined, null, booleans, numbers, strings,
 * bytes, arrays and plain objects of those. One tag byte, then
 * a number: float64 · a string, bytes: u32 length and octets · an array: u32 count and values ·
 * an object: u32 count and (string, value) pairs.
 */
export const tags = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  string: 5,
  bytes: 6,
  array: 7,
  object: 8,
} as const;
/** Of a frame: `u32 length of the rest ‖ u32 call ‖ u8 code`, before its value. */
export const frameHead = 9;
/** Of arrays and objects in one another. */
const deepest = 8;
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
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #offset = 0;

  /** `bytes` has its buffer for itself. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  whole(): unknown {
    const value = this.#value(0);
    if (this.#offset !== this.#bytes.length) throw new RangeError("a value that does not fill its frame");
    return value;
  }

  #value(depth: number): unknown {
    if (depth > deepest) throw new RangeError("a value nested too deep");
    const tag = this.#bytes[this.#offset++];
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
    let text = "";
    for (const code of octets) {
      if (code > 0x7f) return fromUtf8(octets);
      text += String.fromCharCode(code);
    }
    return text;
  }

  #octets(): Bytes {
    const length = this.#count();
    const start = this.#offset;
    this.#offset += length;
    return new Uint8Array(this.#bytes.buffer, start, length);
  }

  #count(): number {
    const count = this.#view.getUint32(this.#offset);
    this.#offset += 4;
    // Every value takes an octet at least.
    if (count > this.#bytes.length - this.#offset) throw new RangeError("a count past the end of a frame");
    return count;
  }
}
