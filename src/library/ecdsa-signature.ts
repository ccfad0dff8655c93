import { ByteReader, type Bytes } from "../base/bytes.ts";

/** DER of `SEQUENCE { r INTEGER, s INTEGER }` as WebCrypto has it: r and s, each of `octets`, big-endian. */
export function signaturePair(der: Bytes, octets: number): Bytes {
  const reader = new ByteReader(der);
  reader.take(1);
  // P-521: more than 127 octets, so the length has two.
  if (reader.uint8() === 0x81) reader.take(1);
  const pair = new Uint8Array(2 * octets);
  for (const end of [octets, 2 * octets]) {
    reader.take(1);
    // A leading zero keeps an INTEGER positive.
    const number = reader.take(reader.uint8()).subarray(-octets);
    pair.set(number, end - number.length);
  }
  return pair;
}
