import { highNibble } from "./aes";
import { LOW_NIBBLE } from "./aes-tables";
import { loadPartial } from "./constant-time";
import { lookup } from "./lookup";
import { GHASH_POWERS, GHASH_STAGE, GHASH_TABLES, GHASH_Y } from "./memory";
import { wipe as wipeMemory } from "./wipe";
import { zip16High, zip16Low, zip8High, zip8Low } from "./zip";

/*
 * SP 800-38D §6.3, §6.4: multiplication in GF(2^128) and GHASH.
 *
 * A block is a sum of 32 nibbles n·x^(8p) and n·x^(8p+4), p its byte. A *power table* of a multiplier P = H^k has 16 rows
 * of 16: row b holds byte b of n·P for n = 0…15. Looking all high nibbles of a block up in row b gives, at byte p, what
 * belongs to byte p + b of the product; the low nibbles likewise, times x^4. Up to 16 blocks wait in nibbles, each is
 * multiplied by its own power, and the sum alone is shifted into place and reduced.
 *
 * Bit 0 of a block is its first byte's top bit; in *reversed* bytes a product by x is a shift to the right.
 */
export const POWER_SIZE: usize = 256;

/** Which byte of four, four and four … has the multiple by the lower, and by the upper, two bits of n: for row 4q + r. */
const ROW_INDICES: usize = GHASH_TABLES;
/** The bits of n at 1, 3, 5, 7. */
const SPREAD: usize = GHASH_TABLES + 128;

let tables: usize = 0;
let powers: usize = 0;
let staged: usize = 0;

export function computeGhashTables(): void {
  for (let r: u32 = 0; r < 4; r++) {
    for (let n: u32 = 0; n < 16; n++) {
      store<u8>(ROW_INDICES + 32 * r + n, <u8>(4 * r + (n & 3)));
      store<u8>(ROW_INDICES + 32 * r + 16 + n, <u8>(4 * r + (n >> 2)));
    }
  }
  for (let n: u32 = 0; n < 16; n++) {
    store<u8>(SPREAD + n, <u8>(((n & 1) << 1) | ((n & 2) << 2) | ((n & 4) << 3) | ((n & 8) << 4)));
  }
}

/** Tables of h … h^`count` at `target`. */
export function powerTables(h: v128, target: usize, count: usize): void {
  let power = h;
  for (let k: usize = 1; k <= count; k++) {
    if (k > 1) power = k & 1 ? times(power, target) : squared(v128.load(GHASH_POWERS + 16 * (k / 2)));
    v128.store(GHASH_POWERS + 16 * k, power);
    powerTable(power, target + (k - 1) * POWER_SIZE);
  }
  wipeMemory(GHASH_STAGE, 32);
  wipeMemory(GHASH_POWERS, 16 * count + 16);
}

/** Y = 0, with `count` powers of H at `powerTables`. */
export function start(powerTables: usize, count: usize): void {
  v128.store(GHASH_Y, i64x2.splat(0));
  tables = powerTables;
  powers = count;
  staged = 0;
}

/** `length` bytes, zero-padded. */
export function absorb(p: usize, length: usize): void {
  for (; length >= 16; length -= 16, p += 16) absorbBlock(v128.load(p));
  if (length) absorbBlock(loadPartial(p, length));
}

// @ts-ignore: decorator
@inline
export function absorbBlock(block: v128): void {
  stage(staged ? block : v128.xor(block, v128.load(GHASH_Y)), GHASH_STAGE + 32 * staged);
  staged += 1;
  if (staged == powers) flush();
}

/** Multiplies what waits: Y is then the hash of all blocks so far. */
export function flush(): void {
  if (staged) v128.store(GHASH_Y, product(tables, staged));
  staged = 0;
}

export function wipe(): void {
  wipeMemory(GHASH_STAGE, 32 * powers);
  v128.store(GHASH_Y, i64x2.splat(0));
}

// @ts-ignore: decorator
@inline
function stage(block: v128, target: usize): void {
  const low = v128.load(LOW_NIBBLE);
  v128.store(target, highNibble(block, low));
  v128.store(target, v128.and(block, low), 16);
}

// ── products

function times(x: v128, table: usize): v128 {
  stage(x, GHASH_STAGE);
  return product(table, 1);
}

/** The sum over `count` staged blocks, the first one times H^count, reduced. The first, which was known last, comes last. */
function product(tables: usize, count: usize): v128 {
  const zero = i64x2.splat(0);
  const last = GHASH_STAGE + 32 * (count - 1);
  // 32 bytes each: of the high nibbles, of the low nibbles
  let high0 = zero, high1 = zero, low0 = zero, low1 = zero;
  for (let q = tables + 192; q >= tables; q -= 64) {
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    let rows = q;
    for (let block = last; block >= GHASH_STAGE; block -= 32, rows += POWER_SIZE) {
      const high = v128.load(block);
      const low = v128.load(block, 16);
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
    // Horner's rule, in x^8
    high1 = carry(high0, high1);
    high0 = v128.xor(up(high0), a3);
    low1 = carry(low0, low1);
    low0 = v128.xor(up(low0), b3);
    high1 = carry(high0, high1);
    high0 = v128.xor(up(high0), a2);
    low1 = carry(low0, low1);
    low0 = v128.xor(up(low0), b2);
    high1 = carry(high0, high1);
    high0 = v128.xor(up(high0), a1);
    low1 = carry(low0, low1);
    low0 = v128.xor(up(low0), b1);
    high1 = carry(high0, high1);
    high0 = v128.xor(up(high0), a0);
    low1 = carry(low0, low1);
    low0 = v128.xor(up(low0), b0);
  }
  // high + x^4 low
  const l0 = reversed(low0);
  const l1 = reversed(low1);
  const below = v128.xor(reversed(high0), v128.or(i64x2.shr_u(l0, 4), i64x2.shl(i64x2.shuffle(l0, zero, 1, 2), 60)));
  const above = v128.xor(reversed(high1), v128.or(i64x2.shr_u(l1, 4), i64x2.shl(i64x2.shuffle(l1, l0, 1, 2), 60)));
  return reduced(below, above);
}

/** Spreading its bits squares a polynomial over GF(2). */
function squared(x: v128): v128 {
  const low = v128.load(LOW_NIBBLE);
  const spread = v128.load(SPREAD);
  const r = reversed(x);
  const even = lookup(spread, v128.and(r, low));
  const odd = lookup(spread, highNibble(r, low));
  return reduced(zip8High(even, odd), zip8Low(even, odd));
}

/** below + x^128 above, both reversed, of degree below 255, modulo x^128 + x^7 + x^2 + x + 1; in the order of a block. */
// @ts-ignore: decorator
@inline
function reduced(below: v128, above: v128): v128 {
  const zero = i64x2.splat(0);
  // x^128 = 1 + x + x^2 + x^7, and what that pushes beyond x^127 once more
  const beyond = v128.xor(v128.xor(i64x2.shl(above, 63), i64x2.shl(above, 62)), i64x2.shl(above, 57));
  above = v128.xor(above, i64x2.shuffle(zero, beyond, 0, 2));
  const crossing = i64x2.shuffle(above, zero, 1, 2);
  const by1 = v128.or(i64x2.shr_u(above, 1), i64x2.shl(crossing, 63));
  const by2 = v128.or(i64x2.shr_u(above, 2), i64x2.shl(crossing, 62));
  const by7 = v128.or(i64x2.shr_u(above, 7), i64x2.shl(crossing, 57));
  return reversed(v128.xor(v128.xor(v128.xor(below, above), v128.xor(by1, by2)), by7));
}

/** Bytes moved up by one; of 32 bytes, the upper half. */
// @ts-ignore: decorator
@inline
function up(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}
// @ts-ignore: decorator
@inline
function carry(lower: v128, upper: v128): v128 {
  return i8x16.shuffle(lower, upper, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

// @ts-ignore: decorator
@inline
function reversed(x: v128): v128 {
  return i8x16.shuffle(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

// ── power tables

/** Of n the bit 3 stands for P, 2 for xP, 1 for x²P, 0 for x³P. */
function powerTable(power: v128, target: usize): void {
  const zero = i64x2.splat(0);
  const r1 = timesX(reversed(power));
  const r2 = timesX(r1);
  const p1 = reversed(r1);
  const p2 = reversed(r2);
  const p3 = reversed(timesX(r2));
  const p01 = v128.xor(power, p1);
  const p23 = v128.xor(p2, p3);
  eightRows(zip8Low(zero, p3), zip8Low(p2, p23), zip8Low(zero, p1), zip8Low(power, p01), target);
  eightRows(zip8High(zero, p3), zip8High(p2, p23), zip8High(zero, p1), zip8High(power, p01), target + 128);
}

/** From the multiples by the lower and the upper two bits, 0 1 and 2 3 of each: a register of four bytes' has all. */
// @ts-ignore: decorator
@inline
function eightRows(lower01: v128, lower23: v128, upper01: v128, upper23: v128, target: usize): void {
  fourRows(zip16Low(lower01, lower23), zip16Low(upper01, upper23), target);
  fourRows(zip16High(lower01, lower23), zip16High(upper01, upper23), target + 64);
}

// @ts-ignore: decorator
@inline
function fourRows(lower: v128, upper: v128, target: usize): void {
  v128.store(target, row(lower, upper, ROW_INDICES));
  v128.store(target, row(lower, upper, ROW_INDICES + 32), 16);
  v128.store(target, row(lower, upper, ROW_INDICES + 64), 32);
  v128.store(target, row(lower, upper, ROW_INDICES + 96), 48);
}

// @ts-ignore: decorator
@inline
function row(lower: v128, upper: v128, indices: usize): v128 {
  return v128.xor(lookup(lower, v128.load(indices)), lookup(upper, v128.load(indices, 16)));
}

// @ts-ignore: decorator
@inline
function timesX(x: v128): v128 {
  const shifted = v128.or(i64x2.shr_u(x, 1), i64x2.shl(i64x2.shuffle(x, i64x2.splat(0), 1, 2), 63));
  // all ones where x^127 was set
  const carried = i64x2.shr_s(i64x2.shl(i64x2.shuffle(x, x, 0, 0), 63), 63);
  return v128.xor(shifted, v128.and(carried, i64x2(0, 0xe100000000000000)));
}
