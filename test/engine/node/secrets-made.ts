import type { Bytes } from "../../../src/base/bytes.ts";

const PlainArrayBuffer = globalThis.ArrayBuffer;

/** Keeps every buffer that `secret` makes between `watch` and `unwatch`, to see what has not been wiped. */
export class SecretsMade {
  #made: ArrayBuffer[] = [];

  watch(): void {
    const made: ArrayBuffer[] = [];
    this.#made = made;
    globalThis.ArrayBuffer = class extends PlainArrayBuffer {
      constructor(length: number) {
        super(length);
        made.push(this);
      }
    } as ArrayBufferConstructor;
  }

  unwatch(): void {
    globalThis.ArrayBuffer = PlainArrayBuffer;
  }

  /** Those that hold something still, without what is in the clear in `open`: nonces, names, answers. */
  left(...open: readonly Bytes[]): Bytes[] {
    return this.#made
      .map((buffer) => new Uint8Array(buffer))
      .filter((bytes) => bytes.some((byte) => byte !== 0))
      .filter((bytes) => !open.some((whole) => Buffer.from(whole).includes(bytes)));
  }
}
