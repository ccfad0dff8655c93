import { ONE_BIT, TAIL_MASK } from "./memory";

/** 16 × ff ‖ 16 × 00 at TAIL_MASK, 16 × 00 ‖ 80 ‖ 15 × 00 at ONE_BIT. */
export function computeTails(): void {
  memory.fill(TAIL_MASK, 0xff, 16);
  store<u8>(ONE_BIT, 0x80, 16);
}

/** The first `length` (0 to 16) bytes at `p`, then zeros. Reads 16. */
// @ts-ignore: decorator
@inline
export function loadPartial(p: usize, length: usize): v128 {
  return v128.and(v128.load(p), v128.load(TAIL_MASK + 16 - length));
}

/** Sixteen bytes, zeros but for the top bit of byte `index` (0 to 15). */
// @ts-ignore: decorator
@inline
export function oneAt(index: usize): v128 {
  return v128.load(ONE_BIT + 16 - index);
}

/** Whether `length` bytes are the same, in a time that depends on `length` alone. Reads to the next multiple of 16. */
export function equal(a: usize, b: usize, length: usize): bool {
  let difference = i64x2.splat(0);
  for (; length >= 16; length -= 16, a += 16, b += 16) {
    difference = v128.or(difference, v128.xor(v128.load(a), v128.load(b)));
  }
  difference = v128.or(difference, v128.xor(loadPartial(a, length), loadPartial(b, length)));
  return !v128.any_true(difference);
}
