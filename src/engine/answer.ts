import type { Bytes } from "../base/bytes.ts";

/**
 * Short public answers are cut from one ArrayBuffer after the other, as Node does it for its Buffers: to make one for each
 * would take up to a third of the time of a whole call. Whoever keeps an answer keeps its slab.
 */
const slabSize = 32_768;
let slab: ArrayBuffer = new ArrayBuffer(0);
let used = 0;

/**
 * For octets that are public. They are to be written from end to end before anybody sees them: what is in a long one is
 * anything (zeroing takes as long as moving it in and out of the linear memory). A slab is zeroed, as whoever has an answer
 * can read all of it.
 */
export function newAnswer(length: number): Bytes {
  if (length > slabSize / 4) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  if (used + length > slab.byteLength) {
    slab = new ArrayBuffer(slabSize);
    used = 0;
  }
  const answer = new Uint8Array(slab, used, length);
  used += length;
  return answer;
}
