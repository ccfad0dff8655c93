import { enter, half, highNibble, mapNibbles, round } from "./aes";
import { A_OVER, FRAMES, INVERSE, LOW_NIBBLE, SUB, SUB_DOUBLED, SUB_LAST, TO_TOWER } from "./aes-tables";
import { lookup } from "./lookup";
import { SLICED_CONSTANTS, SLICED_END, SLICED_FIRST, SLICED_HALVES, SLICED_KEYS, SLICED_SECOND, SLICES } from "./memory";
import { zip16High, zip16Low, zip32High, zip32Low, zip64High, zip64Low, zip8High, zip8Low } from "./zip";

/*
 * AES-256 in counter mode, sixteen blocks at a time, for bulk.
 *
 * A *slice* holds one byte of the state of all sixteen blocks, so ShiftRows and the steps of MixColumns are a choice of
 * registers and cost nothing. Rounds 1 and 2 are mostly the same for the 256 counters that differ in their last byte
 * (D. Bernstein, P. Schwabe, "New AES Software Speed Records", 2008): behind round 1 they differ in column 0 alone, and
 * each of its four bytes reaches one column in round 2. What does not differ is computed once.
 */
const BATCH: usize = 256;

/** The round keys of rounds 3 to 14, each byte four times, in the order of FIPS 197. */
export function keys(roundKeys: usize): void {
  for (let r: usize = 3; r <= 14; r++) {
    const key = lookup(v128.load(roundKeys + 16 * r), v128.load(FRAMES + 16 * ((0 - r) & 3)));
    const target = SLICED_KEYS + 64 * (r - 3);
    const low = zip8Low(key, key);
    const high = zip8High(key, key);
    v128.store(target, zip16Low(low, low));
    v128.store(target, zip16High(low, low), 16);
    v128.store(target, zip16Low(high, high), 32);
    v128.store(target, zip16High(high, high), 48);
  }
}

/** Makes ready for the 256 counters that begin as `counter` does, whose last byte is 0. */
export function constants(counter: v128, roundKeys: usize): void {
  // Two rounds of the first counter, less what its last byte has put in.
  const one = round(enter(counter, roundKeys), roundKeys, 1);
  const two = lookup(round(one, roundKeys, 2), v128.load(FRAMES, 32));
  const column = lookup(one, v128.load(FRAMES, 48));
  splatBytes(column, SLICED_CONSTANTS, 4);
  splatBytes(column, SLICES, 4);
  firstRound(i64x2.splat(0), roundKeys);
  copy(SLICED_CONSTANTS, SLICED_FIRST, 64);
  copy(SLICED_FIRST, SLICES, 64);
  splatBytes(two, SLICED_SECOND, 16);
  secondRound();
  copy(SLICED_SECOND, SLICES, 256);
}

function splatBytes(x: v128, target: usize, count: i32): void {
  for (let n = 0; n < count; n++, target += 16) v128.store(target, lookup(x, i8x16.splat(<i8>n)));
}

/** For so little, memory.copy takes longer: it is a call into the runtime. */
function copy(target: usize, source: usize, length: usize): void {
  for (let offset: usize = 0; offset < length; offset += 16) v128.store(target + offset, v128.load(source + offset));
}

/** Key stream of sixteen counters of the prepared ones, from `first` on, onto the 256 bytes at `p`. */
export function xorStream(first: u32, roundKeys: usize, p: usize): void {
  firstRound(i8x16.add(i8x16.splat(<i8>first), v128.load(FRAMES)), roundKeys);
  secondRound();
  for (let key = SLICED_KEYS; key < SLICED_KEYS + 64 * 11; key += 64) {
    invertAll();
    mixColumns(key);
  }
  invertAll();
  lastRound();
  for (let quads = SLICES; quads < SLICES + BATCH; quads += 64, p += 64) xorBlocks(quads, p);
}

export function wipe(): void {
  memory.fill(SLICES, 0, SLICED_END - SLICES);
}

// ── rounds 1 and 2

/** Column 0 behind round 1, into SLICED_FIRST, from the last bytes of the counters. */
// @ts-ignore: decorator
@inline
function firstRound(last: v128, roundKeys: usize): void {
  const low = v128.load(LOW_NIBBLE);
  const x = v128.xor(mapNibbles(TO_TOWER, last, low), v128.load8_splat(roundKeys, 15));
  invert(x, SLICED_HALVES, v128.load(INVERSE), v128.load(A_OVER), low);
  const once = substituted(SLICED_HALVES, SUB);
  const twice = substituted(SLICED_HALVES, SUB_DOUBLED);
  v128.store(SLICED_FIRST, v128.xor(v128.load(SLICED_CONSTANTS), once));
  v128.store(SLICED_FIRST, v128.xor(v128.load(SLICED_CONSTANTS, 16), once), 16);
  v128.store(SLICED_FIRST, v128.xor(v128.load(SLICED_CONSTANTS, 32), v128.xor(once, twice)), 32);
  v128.store(SLICED_FIRST, v128.xor(v128.load(SLICED_CONSTANTS, 48), twice), 48);
}

// @ts-ignore: decorator
@inline
function secondRound(): void {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const aOver = v128.load(A_OVER);
  invert(v128.load(SLICED_FIRST), SLICED_HALVES, inv, aOver, low);
  invert(v128.load(SLICED_FIRST, 16), SLICED_HALVES + 32, inv, aOver, low);
  invert(v128.load(SLICED_FIRST, 32), SLICED_HALVES + 64, inv, aOver, low);
  invert(v128.load(SLICED_FIRST, 48), SLICED_HALVES + 96, inv, aOver, low);
  spread(0, 0, 16, 32, 48);
  spread(1, 208, 224, 240, 192);
  spread(2, 160, 176, 128, 144);
  spread(3, 112, 64, 80, 96);
}

/** Row `r`, which ShiftRows has brought to column -r: in MixColumns, to its own row, one, two and three further down. */
// @ts-ignore: decorator
@inline
function spread(r: usize, own: usize, down1: usize, down2: usize, down3: usize): void {
  const once = substituted(SLICED_HALVES + 32 * r, SUB);
  const twice = substituted(SLICED_HALVES + 32 * r, SUB_DOUBLED);
  v128.store(SLICES + own, v128.xor(v128.load(SLICED_SECOND + own), twice));
  v128.store(SLICES + down1, v128.xor(v128.load(SLICED_SECOND + down1), once));
  v128.store(SLICES + down2, v128.xor(v128.load(SLICED_SECOND + down2), once));
  v128.store(SLICES + down3, v128.xor(v128.load(SLICED_SECOND + down3), v128.xor(once, twice)));
}

// ── rounds 3 to 14

function invertAll(): void {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const aOver = v128.load(A_OVER);
  for (let slice: usize = 0; slice < BATCH; slice += 32) {
    invert(v128.load(slice, SLICES), SLICED_HALVES + 2 * slice, inv, aOver, low);
    invert(v128.load(slice, SLICES + 16), SLICED_HALVES + 2 * slice + 32, inv, aOver, low);
  }
}

/** io and jo of aes-tables.ts. */
// @ts-ignore: decorator
@inline
function invert(x: v128, target: usize, inv: v128, aOver: v128, low: v128): void {
  const i = highNibble(x, low);
  const k = v128.and(x, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(aOver, k);
  v128.store(target, half(inv, aOverK, i, j));
  v128.store(target, half(inv, aOverK, j, i), 16);
}

/** MixColumns, of what ShiftRows brings together, and AddRoundKey. */
// @ts-ignore: decorator
@inline
function mixColumns(key: usize): void {
  mixColumn(SLICED_HALVES, SLICED_HALVES + 160, SLICED_HALVES + 320, SLICED_HALVES + 480, key, SLICES);
  mixColumn(SLICED_HALVES + 128, SLICED_HALVES + 288, SLICED_HALVES + 448, SLICED_HALVES + 96, key + 16, SLICES + 64);
  mixColumn(SLICED_HALVES + 256, SLICED_HALVES + 416, SLICED_HALVES + 64, SLICED_HALVES + 224, key + 32, SLICES + 128);
  mixColumn(SLICED_HALVES + 384, SLICED_HALVES + 32, SLICED_HALVES + 192, SLICED_HALVES + 352, key + 48, SLICES + 192);
}

/** 2S + 3S(1 down) + S(2 down) + S(3 down), as pair + pair(1 down) + S(3 down), where a pair is 2S + S(1 down). */
// @ts-ignore: decorator
@inline
function mixColumn(row0: usize, row1: usize, row2: usize, row3: usize, key: usize, target: usize): void {
  const once0 = substituted(row0, SUB);
  const once1 = substituted(row1, SUB);
  const once2 = substituted(row2, SUB);
  const once3 = substituted(row3, SUB);
  const pair0 = v128.xor(substituted(row0, SUB_DOUBLED), once1);
  const pair1 = v128.xor(substituted(row1, SUB_DOUBLED), once2);
  const pair2 = v128.xor(substituted(row2, SUB_DOUBLED), once3);
  const pair3 = v128.xor(substituted(row3, SUB_DOUBLED), once0);
  v128.store(target, mixed(pair0, pair1, once3, v128.load32_splat(key)));
  v128.store(target, mixed(pair1, pair2, once0, v128.load32_splat(key, 4)), 16);
  v128.store(target, mixed(pair2, pair3, once1, v128.load32_splat(key, 8)), 32);
  v128.store(target, mixed(pair3, pair0, once2, v128.load32_splat(key, 12)), 48);
}

// @ts-ignore: decorator
@inline
function mixed(pair: v128, pairDown: v128, last: v128, key: v128): v128 {
  return v128.xor(v128.xor(pair, pairDown), v128.xor(last, key));
}

/** SubBytes, or what else the `tables` of (u, v) give, without its constant. */
// @ts-ignore: decorator
@inline
function substituted(halves: usize, tables: usize): v128 {
  return v128.xor(lookup(v128.load(tables), v128.load(halves)), lookup(v128.load(tables, 16), v128.load(halves, 16)));
}

// ── back to blocks

/** Round 14; into SLICES come, for each four blocks, their columns 0, 1, 2, 3. */
// @ts-ignore: decorator
@inline
function lastRound(): void {
  lastColumn(SLICED_HALVES, SLICED_HALVES + 160, SLICED_HALVES + 320, SLICED_HALVES + 480, 0);
  lastColumn(SLICED_HALVES + 128, SLICED_HALVES + 288, SLICED_HALVES + 448, SLICED_HALVES + 96, 16);
  lastColumn(SLICED_HALVES + 256, SLICED_HALVES + 416, SLICED_HALVES + 64, SLICED_HALVES + 224, 32);
  lastColumn(SLICED_HALVES + 384, SLICED_HALVES + 32, SLICED_HALVES + 192, SLICED_HALVES + 352, 48);
}

// @ts-ignore: decorator
@inline
function lastColumn(row0: usize, row1: usize, row2: usize, row3: usize, at: usize): void {
  const key = SLICED_KEYS + 64 * 11 + at;
  const r0 = v128.xor(substituted(row0, SUB_LAST), v128.load32_splat(key));
  const r1 = v128.xor(substituted(row1, SUB_LAST), v128.load32_splat(key, 4));
  const r2 = v128.xor(substituted(row2, SUB_LAST), v128.load32_splat(key, 8));
  const r3 = v128.xor(substituted(row3, SUB_LAST), v128.load32_splat(key, 12));
  const low01 = zip8Low(r0, r1);
  const high01 = zip8High(r0, r1);
  const low23 = zip8Low(r2, r3);
  const high23 = zip8High(r2, r3);
  v128.store(SLICES + at, zip16Low(low01, low23));
  v128.store(SLICES + at, zip16High(low01, low23), 64);
  v128.store(SLICES + at, zip16Low(high01, high23), 128);
  v128.store(SLICES + at, zip16High(high01, high23), 192);
}

/** Four blocks from their columns. */
// @ts-ignore: decorator
@inline
function xorBlocks(columns: usize, p: usize): void {
  const c0 = v128.load(columns);
  const c1 = v128.load(columns, 16);
  const c2 = v128.load(columns, 32);
  const c3 = v128.load(columns, 48);
  const low01 = zip32Low(c0, c1);
  const high01 = zip32High(c0, c1);
  const low23 = zip32Low(c2, c3);
  const high23 = zip32High(c2, c3);
  v128.store(p, v128.xor(v128.load(p), zip64Low(low01, low23)));
  v128.store(p, v128.xor(v128.load(p, 16), zip64High(low01, low23)), 16);
  v128.store(p, v128.xor(v128.load(p, 32), zip64Low(high01, high23)), 32);
  v128.store(p, v128.xor(v128.load(p, 48), zip64High(high01, high23)), 48);
}
