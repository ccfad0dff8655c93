import { type Bytes, utf8 } from "../../base/bytes.ts";
import { secret, wipe } from "../../base/secret.ts";
import { frameHead, tags } from "./codec.ts";

/** A hundred short calls. */
const firstLength = 1 << 15;

/**
 * Frames one behind the other, in memory that can be wiped: `take` gives what has been added, and whoever has sent it
 * gives it back.
 */
export class FrameWriter {
  #memory = secret(firstLength);
  #view = new DataView(this.#memory.buffer);
  #length = 0;
  /** Zeros, for the next frames. */
  #spare: Bytes | undefined;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** A TypeError, and no frame, where `value` cannot cross. */
  add(call: number, code: number, value: unknown): void {
    const start = this.#length;
    try {
      this.#room(frameHead);
      this.#view.setUint32(start + 4, call);
      this.#view.setUint8(start + 8, code);
      this.#length += frameHead;
      this.#value(value);
      this.#view.setUint32(start, this.#length - start - 4);
    } catch (error) {
      this.#memory.fill(0, start, this.#length);
      this.#length = start;
      throw error;
    }
  }

  take(): Bytes {
    const taken = this.#memory.subarray(0, this.#length);
    this.#use(this.#spare ?? secret(firstLength));
    this.#spare = undefined;
    this.#length = 0;
    return taken;
  }

  /** Wipes what `take` gave. */
  giveBack(taken: Bytes): void {
    wipe(taken);
    if (taken.buffer.byteLength === firstLength) this.#spare = new Uint8Array(taken.buffer);
  }

  #use(memory: Bytes): void {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
  }

  #room(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#memory.length) return;
    const before = this.#memory;
    const larger = secret(Math.max(2 * before.length, needed));
    larger.set(before);
    this.#use(larger);
    wipe(before);
  }

  #value(value: unknown): void {
    if (value === undefined) this.#tag(tags.undefined);
    else if (value === null) this.#tag(tags.null);
    else if (typeof value === "boolean") this.#tag(value ? tags.true : tags.false);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#octets(value);
    else if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot cross to a worker`);
    else if (Array.isArray(value)) {
      this.#count(tags.array, value.length);
      for (const item of value) this.#value(item);
    } else {
      const entries = Object.entries(value);
      this.#count(tags.object, entries.length);
      for (const [key, item] of entries) {
        this.#text(key);
        this.#value(item);
      }
    }
  }

  #tag(tag: number): void {
    this.#room(1);
    this.#memory[this.#length++] = tag;
  }

  #number(value: number): void {
    this.#tag(tags.number);
    this.#room(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  #count(tag: number, count: number): void {
    this.#room(5);
    this.#memory[this.#length] = tag;
    this.#view.setUint32(this.#length + 1, count);
    this.#length += 5;
  }

  #text(text: string): void {
    this.#count(tags.string, text.length);
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#longerText(text);
        return;
      }
      this.#memory[this.#length + i] = code;
    }
    this.#length += text.length;
  }

  /** Text that is not ASCII; its count has been written, as that of code units. */
  #longerText(text: string): void {
    const octets = utf8(text);
    this.#view.setUint32(this.#length - 4, octets.length);
    this.#append(octets);
  }

  #octets(octets: Bytes): void {
    this.#count(tags.bytes, octets.length);
    this.#append(octets);
  }

  #append(octets: Bytes): void {
    this.#room(octets.length);
    this.#memory.set(octets, this.#length);
    this.#length += octets.length;
  }
}
