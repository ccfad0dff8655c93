import { LOW_NIBBLE } from "./aes-tables";
import { highNibble } from "./aes";
import { lookup } from "./lookup";
import { GHASH_MASKS, GHASH_STAGE, GHASH_Y } from "./memory";

/*
 * SP 800-38D §6.3, §6.4: multiplication in GF(2^128) and GHASH.
 *
 * A block is a sum of 32 nibbles n·x^(8p) and n·x^(8p+4), p its byte. A *power table* of a multiplier P = H^k has 16 rows
 * of 16: row b holds byte b of n·P for n = 0…15. Looking all high nibbles of a block up in row b gives, at byte p, what
 * belongs to byte p + b of the product; the low nibbles likewise, times x^4. Up to 16 blocks wait in nibbles, each is
 * multiplied by its own power, and the sum alone is shifted into place and reduced.
 */
export const POWER_SIZE: usize = 256;
export const MOST_POWERS: usize = 16;

let tables: usize = 0;
let powers: usize = 0;
let staged: usize = 0;

/** For row 4q + r: bytes 4r + m of a register where bit 3 - m of n is set. */
export function computeGhashMasks(): void {
  for (let r: u32 = 0; r < 4; r++) {
    for (let m: u32 = 0; m < 4; m++) {
      for (let n: u32 = 0; n < 16; n++) {
        store<u8>(GHASH_MASKS + 64 * r + 16 * m + n, (n >> (3 - m)) & 1 ? <u8>(4 * r + m) : 0x80);
      }
    }
  }
}

/** Tables of H … H^`count` at `target`, of H at `h`. */
export function powerTables(h: usize, target: usize, count: usize): void {
  powerTable(v128.load(h), target);
  v128.store(GHASH_Y, v128.load(h));
  for (let k: usize = 1; k < count; k++) {
    begin(target, 1);
    absorb(i64x2.splat(0));
    powerTable(v128.load(GHASH_Y), target + k * POWER_SIZE);
  }
  v128.store(GHASH_Y, i64x2.splat(0));
}

/** Y = 0, with `count` powers of H at `powerTables`. */
export function start(powerTables: usize, count: usize): void {
  v128.store(GHASH_Y, i64x2.splat(0));
  begin(powerTables, count);
}

// @ts-ignore: decorator
@inline
function begin(powerTables: usize, count: usize): void {
  tables = powerTables;
  powers = count;
  staged = 0;
}

export function absorb(block: v128): void {
  const low = v128.load(LOW_NIBBLE);
  const stage = GHASH_STAGE + 32 * staged;
  v128.store(stage, highNibble(block, low));
  v128.store(stage, v128.and(block, low), 16);
  staged += 1;
  if (staged == powers) flush();
}

/** Multiplies what waits: Y is then the hash of all blocks so far. */
export function flush(): void {
  if (staged == 0) return;
  const low = v128.load(LOW_NIBBLE);
  const y = v128.load(GHASH_Y);
  v128.store(GHASH_STAGE, v128.xor(v128.load(GHASH_STAGE), highNibble(y, low)));
  v128.store(GHASH_STAGE, v128.xor(v128.load(GHASH_STAGE, 16), v128.and(y, low)), 16);
  v128.store(GHASH_Y, product(tables, staged));
  staged = 0;
}

export function wipe(): void {
  memory.fill(GHASH_STAGE, 0, 32 * powers);
  v128.store(GHASH_Y, i64x2.splat(0));
}

/** The sum over `count` staged blocks, the first one times H^count, reduced. */
function product(tables: usize, count: usize): v128 {
  const zero = i64x2.splat(0);
  // 32 bytes each: of the high nibbles, of the low nibbles
  let high0 = zero, high1 = zero, low0 = zero, low1 = zero;
  for (let q = <isize>192; q >= 0; q -= 64) {
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    let rows = tables + (count - 1) * POWER_SIZE + q;
    for (let stage = GHASH_STAGE; stage < GHASH_STAGE + 32 * count; stage += 32, rows -= POWER_SIZE) {
      const high = v128.load(stage);
      const low = v128.load(stage, 16);
      const row0 = v128.load(rows);
      a0 = v128.xor(a0, lookup(row0, high));
      b0 = v128.xor(b0, lookup(row0, low));
      const row1 = v128.load(rows, 16);
      a1 = v128.xor(a1, lookup(row1, high));
      b1 = v128.xor(b1, lookup(row1, low));
      const row2 = v128.load(rows, 32);
      a2 = v128.xor(a2, lookup(row2, high));
      b2 = v128.xor(b2, lookup(row2, low));
      const row3 = v128.load(rows, 48);
      a3 = v128.xor(a3, lookup(row3, high));
      b3 = v128.xor(b3, lookup(row3, low));
    }
    high1 = v128.xor(carry4(high0, high1), spill(a1, a2, a3));
    high0 = v128.xor(up4(high0), gather(a0, a1, a2, a3));
    low1 = v128.xor(carry4(low0, low1), spill(b1, b2, b3));
    low0 = v128.xor(up4(low0), gather(b0, b1, b2, b3));
  }
  return reduce(high0, high1, low0, low1);
}

/** Bytes moved up by one and two; the bytes that fall out at the top. */
// @ts-ignore: decorator
@inline
function up1(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}
// @ts-ignore: decorator
@inline
function up2(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}
// @ts-ignore: decorator
@inline
function up4(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
}
// @ts-ignore: decorator
@inline
function top1(x: v128): v128 {
  return i8x16.shuffle(x, i64x2.splat(0), 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}
// @ts-ignore: decorator
@inline
function top2(x: v128): v128 {
  return i8x16.shuffle(x, i64x2.splat(0), 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}

/** The upper half of 32 bytes moved up by four. */
// @ts-ignore: decorator
@inline
function carry4(lower: v128, upper: v128): v128 {
  return i8x16.shuffle(lower, upper, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
}

/** Rows 0 to 3 moved up by 0 to 3 bytes; `spill`: what falls out. */
// @ts-ignore: decorator
@inline
function gather(r0: v128, r1: v128, r2: v128, r3: v128): v128 {
  return v128.xor(v128.xor(r0, up1(r1)), up2(v128.xor(r2, up1(r3))));
}
// @ts-ignore: decorator
@inline
function spill(r1: v128, r2: v128, r3: v128): v128 {
  return v128.xor(v128.xor(top1(r1), top2(v128.xor(r2, up1(r3)))), up2(top1(r3)));
}

/** Bit 0 of a block is its first byte's top bit; reversed, a product by x is a shift to the right. */
// @ts-ignore: decorator
@inline
function reversed(x: v128): v128 {
  return i8x16.shuffle(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/** high + x^4 low, of degree below 252, modulo x^128 + x^7 + x^2 + x + 1. */
// @ts-ignore: decorator
@inline
function reduce(high0: v128, high1: v128, low0: v128, low1: v128): v128 {
  const zero = i64x2.splat(0);
  const l0 = reversed(low0);
  const l1 = reversed(low1);
  const below = v128.xor(reversed(high0), v128.or(i64x2.shr_u(l0, 4), i64x2.shl(i64x2.shuffle(l0, zero, 1, 2), 60)));
  let above = v128.xor(reversed(high1), v128.or(i64x2.shr_u(l1, 4), i64x2.shl(i64x2.shuffle(l1, l0, 1, 2), 60)));
  // x^128 = 1 + x + x^2 + x^7, and what that pushes beyond x^127 once more
  const beyond = v128.xor(v128.xor(i64x2.shl(above, 63), i64x2.shl(above, 62)), i64x2.shl(above, 57));
  above = v128.xor(above, i64x2.shuffle(zero, beyond, 0, 2));
  const crossing = i64x2.shuffle(above, zero, 1, 2);
  const by1 = v128.or(i64x2.shr_u(above, 1), i64x2.shl(crossing, 63));
  const by2 = v128.or(i64x2.shr_u(above, 2), i64x2.shl(crossing, 62));
  const by7 = v128.or(i64x2.shr_u(above, 7), i64x2.shl(crossing, 57));
  return reversed(v128.xor(v128.xor(v128.xor(below, above), v128.xor(by1, by2)), by7));
}

function powerTable(power: v128, target: usize): void {
  // P, xP, x²P, x³P, byte by byte beside each other: a register holds four bytes of each
  const p0 = power;
  const p1 = timesX(p0);
  const p2 = timesX(p1);
  const p3 = timesX(p2);
  const lower01 = i8x16.shuffle(p0, p1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const lower23 = i8x16.shuffle(p2, p3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const upper01 = i8x16.shuffle(p0, p1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const upper23 = i8x16.shuffle(p2, p3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  fourRows(i16x8.shuffle(lower01, lower23, 0, 8, 1, 9, 2, 10, 3, 11), target);
  fourRows(i16x8.shuffle(lower01, lower23, 4, 12, 5, 13, 6, 14, 7, 15), target + 64);
  fourRows(i16x8.shuffle(upper01, upper23, 0, 8, 1, 9, 2, 10, 3, 11), target + 128);
  fourRows(i16x8.shuffle(upper01, upper23, 4, 12, 5, 13, 6, 14, 7, 15), target + 192);
}

// @ts-ignore: decorator
@inline
function fourRows(bytes: v128, target: usize): void {
  v128.store(target, row(bytes, GHASH_MASKS));
  v128.store(target, row(bytes, GHASH_MASKS + 64), 16);
  v128.store(target, row(bytes, GHASH_MASKS + 128), 32);
  v128.store(target, row(bytes, GHASH_MASKS + 192), 48);
}

// @ts-ignore: decorator
@inline
function row(bytes: v128, masks: usize): v128 {
  return v128.xor(
    v128.xor(lookup(bytes, v128.load(masks)), lookup(bytes, v128.load(masks, 16))),
    v128.xor(lookup(bytes, v128.load(masks, 32)), lookup(bytes, v128.load(masks, 48))),
  );
}

// @ts-ignore: decorator
@inline
function timesX(x: v128): v128 {
  const zero = i64x2.splat(0);
  const r = reversed(x);
  const shifted = v128.or(i64x2.shr_u(r, 1), i64x2.shl(i64x2.shuffle(r, zero, 1, 2), 63));
  // all ones where x^127 was set
  const carry = i64x2.shr_s(i64x2.shl(i64x2.shuffle(r, r, 0, 0), 63), 63);
  return reversed(v128.xor(shifted, v128.and(carry, i64x2(0, 0xe100000000000000))));
}
