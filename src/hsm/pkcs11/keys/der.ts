import { type Bytes, concat } from "../../../base/bytes.ts";

export const tags = { integer: 0x02, bitString: 0x03, sequence: 0x30 } as const;

/** A value of DER (X.690 §8.1), of at most 255 octets. */
export function der(tag: number, ...contents: readonly Bytes[]): Bytes {
  const octets = concat(...contents);
  const length = octets.length < 0x80 ? [octets.length] : [0x81, octets.length];
  return concat(Uint8Array.of(tag, ...length), octets);
}
