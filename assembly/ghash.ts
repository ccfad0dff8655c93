import { highNibble } from "./aes";
import { LOW_NIBBLE } from "./aes-tables";
import { loadPartial } from "./constant-time";
import { lookup } from "./lookup";
import { GHASH_POWERS, GHASH_PRODUCTS, GHASH_STAGE, GHASH_TABLES, GHASH_Y } from "./memory";
import { wipe as wipeMemory } from "./wipe";
import { zip16High, zip16Low, zip64High, zip64Low, zip8High, zip8Low } from "./zip";

/*
 * SP 800-38D §6.3, §6.4: multiplication in GF(2^128) and GHASH.
 *
 * A block is a sum of 32 nibbles n·x^(8p) and n·x^(8p+4), p its byte. A table of *rows* of 16 for a multiplier P = H^k: row
 * b holds byte b of n·P for n = 0…15. Looking all high nibbles of a block up in row b gives, at byte p, what belongs to byte
 * p + b of the product; the low nibbles likewise, times x^4. Up to 16 blocks wait in nibbles, each is multiplied by its own
 * power, and the sum alone is shifted into place and reduced.
 *
 * By A. Karatsuba's rule three products of halves do instead of four: of the first eight bytes and rows, of the last eight,
 * and of the sums of both. High and low nibbles of half a block go together into one lookup. So a *power table* has 24 rows:
 * eight of each kind.
 *
 * Bit 0 of a block is its first byte's top bit; in *reversed* bytes a product by x is a shift to the right.
 */
export const POWER_SIZE: usize = 384;

/** Which byte of four, four and four … has the multiple by the lower, and by the upper, two bits of n: for row 4q + r. */
const ROW_INDICES: usize = GHASH_TABLES;
/** The bits of n at 1, 3, 5, 7. */
const SPREAD: usize = GHASH_TABLES + 128;
/** 15 … 0 */
const REVERSED: usize = GHASH_TABLES + 144;

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
    store<u8>(REVERSED + n, <u8>(15 - n));
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
  if (count > 2) wipeMemory(GHASH_PRODUCTS, GHASH_STAGE + STAGED_SIZE - GHASH_PRODUCTS);
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
  stage(staged ? block : v128.xor(block, v128.load(GHASH_Y)), GHASH_STAGE + STAGED_SIZE * staged);
  staged += 1;
  if (staged == powers) flush();
}

/** Multiplies what waits: Y is then the hash of all blocks so far. */
export function flush(): void {
  if (staged) v128.store(GHASH_Y, product(tables, staged));
  staged = 0;
}

export function wipe(): void {
  wipeMemory(GHASH_Y, GHASH_STAGE + STAGED_SIZE * powers - GHASH_Y);
}

/** The nibbles of the first half, of the last, their sum; in each the high ones before the low ones. */
const STAGED_SIZE: usize = 48;

// @ts-ignore: decorator
@inline
function stage(block: v128, target: usize): void {
  const low = v128.load(LOW_NIBBLE);
  const highNibbles = highNibble(block, low);
  const lowNibbles = v128.and(block, low);
  const first = zip64Low(highNibbles, lowNibbles);
  const last = zip64High(highNibbles, lowNibbles);
  v128.store(target, first);
  v128.store(target, last, 16);
  v128.store(target, v128.xor(first, last), 32);
}

// ── products

function times(x: v128, table: usize): v128 {
  stage(x, GHASH_STAGE);
  return product(table, 1);
}

/** The sum over `count` staged blocks, the first one times H^count, reduced. The first, which was known last, comes last. */
function product(tables: usize, count: usize): v128 {
  const last = GHASH_STAGE + STAGED_SIZE * (count - 1);
  for (let kind: usize = 0; kind < 3; kind++) {
    halfProduct(last + 16 * kind, tables + 128 * kind, GHASH_PRODUCTS + 32 * kind);
  }
  const first0 = v128.load(GHASH_PRODUCTS);
  const first1 = v128.load(GHASH_PRODUCTS, 16);
  const last0 = v128.load(GHASH_PRODUCTS, 32);
  const last1 = v128.load(GHASH_PRODUCTS, 48);
  const inner = v128.xor(first1, last0);
  const middle0 = v128.xor(v128.xor(first0, inner), v128.load(GHASH_PRODUCTS, 64));
  const middle1 = v128.xor(v128.xor(last1, inner), v128.load(GHASH_PRODUCTS, 80));
  // high + x^4 low
  const zero = i64x2.splat(0);
  const l0 = reversed(zip64High(first0, middle0));
  const l1 = reversed(zip64High(middle1, last1));
  const h0 = reversed(zip64Low(first0, middle0));
  const h1 = reversed(zip64Low(middle1, last1));
  const below = v128.xor(h0, v128.or(i64x2.shr_u(l0, 4), i64x2.shl(i64x2.shuffle(l0, zero, 1, 2), 60)));
  const above = v128.xor(h1, v128.or(i64x2.shr_u(l1, 4), i64x2.shl(i64x2.shuffle(l1, l0, 1, 2), 60)));
  return reduced(below, above);
}

/**
 * 16 bytes of high and of low nibbles, before the reduction: into `target` the first eight of both, then the last. The
 * staged halves end with `last` and begin with the first block's; the rows of the others' powers follow in steps.
 */
function halfProduct(last: usize, rows: usize, target: usize): void {
  const zero = i64x2.splat(0);
  let p0 = zero, p1 = zero, p2 = zero, p3 = zero, p4 = zero, p5 = zero, p6 = zero, p7 = zero;
  for (let half = last; half >= GHASH_STAGE; half -= STAGED_SIZE, rows += POWER_SIZE) {
    const nibbles = v128.load(half);
    p0 = v128.xor(p0, lookup(v128.load(rows), nibbles));
    p1 = v128.xor(p1, lookup(v128.load(rows, 16), nibbles));
    p2 = v128.xor(p2, lookup(v128.load(rows, 32), nibbles));
    p3 = v128.xor(p3, lookup(v128.load(rows, 48), nibbles));
    p4 = v128.xor(p4, lookup(v128.load(rows, 64), nibbles));
    p5 = v128.xor(p5, lookup(v128.load(rows, 80), nibbles));
    p6 = v128.xor(p6, lookup(v128.load(rows, 96), nibbles));
    p7 = v128.xor(p7, lookup(v128.load(rows, 112), nibbles));
  }
  // What row b gives belongs b bytes further up.
  const below01 = v128.xor(p0, i64x2.shl(p1, 8));
  const below23 = v128.xor(i64x2.shl(p2, 16), i64x2.shl(p3, 24));
  const below45 = v128.xor(i64x2.shl(p4, 32), i64x2.shl(p5, 40));
  const below67 = v128.xor(i64x2.shl(p6, 48), i64x2.shl(p7, 56));
  v128.store(target, v128.xor(v128.xor(below01, below23), v128.xor(below45, below67)));
  const above23 = v128.xor(i64x2.shr_u(p2, 48), i64x2.shr_u(p3, 40));
  const above45 = v128.xor(i64x2.shr_u(p4, 32), i64x2.shr_u(p5, 24));
  const above67 = v128.xor(i64x2.shr_u(p6, 16), i64x2.shr_u(p7, 8));
  v128.store(target, v128.xor(v128.xor(i64x2.shr_u(p1, 56), above23), v128.xor(above45, above67)), 16);
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

// @ts-ignore: decorator
@inline
function reversed(x: v128): v128 {
  return lookup(x, v128.load(REVERSED));
}

// ── power tables

/** Of n the bit 3 stands for P, 2 for xP, 1 for x²P, 0 for x³P. */
function powerTable(power: v128, target: usize): void {
  const zero = i64x2.splat(0);
  const r = reversed(power);
  const p1 = reversed(raised(r, 1));
  const p2 = reversed(raised(r, 2));
  const p3 = reversed(raised(r, 3));
  const p01 = v128.xor(power, p1);
  const p23 = v128.xor(p2, p3);
  eightRows(zip8Low(zero, p3), zip8Low(p2, p23), zip8Low(zero, p1), zip8Low(power, p01), target);
  eightRows(zip8High(zero, p3), zip8High(p2, p23), zip8High(zero, p1), zip8High(power, p01), target + 128);
  for (let row = target; row < target + 128; row += 16) {
    v128.store(row, v128.xor(v128.load(row), v128.load(row, 128)), 256);
  }
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

/** Reversed, times x^n: a shift, and for what falls out x^128 = 1 + x + x^2 + x^7. */
// @ts-ignore: decorator
@inline
function raised(r: v128, n: i32): v128 {
  const fallen = i64x2.shl(i64x2.shuffle(i64x2.splat(0), r, 0, 2), 64 - n);
  const rotated = v128.xor(i64x2.shr_u(r, n), i64x2.shl(i64x2.shuffle(r, r, 1, 0), 64 - n));
  const folded = v128.xor(v128.xor(i64x2.shr_u(fallen, 1), i64x2.shr_u(fallen, 2)), i64x2.shr_u(fallen, 7));
  return v128.xor(rotated, folded);
}
