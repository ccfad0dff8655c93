import type { Bytes } from "../base/bytes.ts";

export type Source = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

export const octetsOf = (source: Source): Bytes =>
  ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);

/** WebCrypto's types want octets that are not shared with other threads: ours never are. */
export const asSource = (bytes: Bytes): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** A copy. */
export const asBuffer = (bytes: Bytes): ArrayBuffer => asSource(bytes.slice()).buffer;
