import {
  A_OVER, FRAMES, FROM_TOWER, INVERSE, LAST_WORD, LOW_NIBBLE, NEIGHBOURS, ROT_LAST_WORD, ROUND_CONSTANTS, SUB,
  SUB_CONSTANT, SUB_CONSTANT_TOWER, SUB_DOUBLED, SUB_LAST, TO_TOWER,
} from "./aes-tables";
import { lookup } from "./lookup";
import { AES_BLOCKS, AES_HALVES } from "./memory";

/*
 * FIPS 197: AES-256, forward direction. Method and tables: aes-tables.ts.
 *
 * Blocks are worked on in place in memory, so that 16 registers hold the tables of one half of a round for all blocks:
 * first every inversion, then every output and MixColumns. A round key is kept in tower form and in its round's frame,
 * with the constant 0x63 of SubBytes added (MixColumns leaves it as it is): 15 × 16 bytes.
 */
export const ROUND_KEYS_SIZE: usize = 240;
const ROUNDS: i32 = 14;

// @ts-ignore: decorator
@inline
export function highNibble(x: v128, low: v128): v128 {
  return i64x2.shr_u(v128.andnot(x, low), 4);
}

/** A linear map given by its nibble tables at `tables`. */
// @ts-ignore: decorator
@inline
export function mapNibbles(tables: usize, x: v128, low: v128): v128 {
  return v128.xor(
    lookup(v128.load(tables), v128.and(x, low)),
    lookup(v128.load(tables, 16), highNibble(x, low)),
  );
}

// ── KeyExpansion, §5.2

/** `roundKeys` 240 from `key` 32. */
export function keyExpansion(key: usize, roundKeys: usize): void {
  const low = v128.load(LOW_NIBBLE);
  let even = mapNibbles(TO_TOWER, v128.load(key), low);
  let odd = mapNibbles(TO_TOWER, v128.load(key, 16), low);
  v128.store(roundKeys, even);
  storeRoundKey(roundKeys, 1, odd);
  for (let i: usize = 0; i < 6; i++) {
    const rotated = lookup(odd, v128.load(ROT_LAST_WORD));
    even = v128.xor(runningSum(even), subWord(rotated, v128.load(ROUND_CONSTANTS + 16 * i)));
    storeRoundKey(roundKeys, 2 * i + 2, even);
    const repeated = lookup(even, v128.load(LAST_WORD));
    odd = v128.xor(runningSum(odd), subWord(repeated, v128.load(SUB_CONSTANT_TOWER)));
    storeRoundKey(roundKeys, 2 * i + 3, odd);
  }
  const rotated = lookup(odd, v128.load(ROT_LAST_WORD));
  const last = v128.xor(runningSum(even), subWord(rotated, v128.load(ROUND_CONSTANTS, 96)));
  // Round 14 ends in plain form; its frame is its own inverse.
  const plain = v128.xor(mapNibbles(FROM_TOWER, last, low), v128.load(SUB_CONSTANT));
  v128.store(roundKeys, lookup(plain, v128.load(FRAMES, 32)), 224);
}

// @ts-ignore: decorator
@inline
function storeRoundKey(roundKeys: usize, round: usize, key: v128): void {
  const framed = lookup(key, v128.load(FRAMES + 16 * (round & 3)));
  v128.store(roundKeys + 16 * round, v128.xor(framed, v128.load(SUB_CONSTANT_TOWER)));
}

/** Each word plus all words before it. */
// @ts-ignore: decorator
@inline
function runningSum(x: v128): v128 {
  const zero = i64x2.splat(0);
  x = v128.xor(x, i8x16.shuffle(zero, x, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27));
  return v128.xor(x, i8x16.shuffle(zero, x, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
}

/** SubWord in tower form, `constant` included. */
// @ts-ignore: decorator
@inline
function subWord(x: v128, constant: v128): v128 {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const i = highNibble(x, low);
  const k = v128.and(x, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(v128.load(A_OVER), k);
  const u = lookup(v128.load(SUB), half(inv, aOverK, i, j));
  const v = lookup(v128.load(SUB, 16), half(inv, aOverK, j, i));
  return v128.xor(v128.xor(u, v), constant);
}

/** 1/(1/p + a/k) + q: io and jo of aes-tables.ts. */
// @ts-ignore: decorator
@inline
export function half(inv: v128, aOverK: v128, p: v128, q: v128): v128 {
  return v128.xor(lookup(inv, v128.xor(lookup(inv, p), aOverK)), q);
}

// ── Cipher, §5.1: of the blocks at AES_BLOCKS, in place

export function encrypt1(roundKeys: usize): void {
  enter(roundKeys, 1);
  for (let round = 1; round < ROUNDS; round++) {
    roundKeys += 16;
    invert1();
    mix1(roundKeys, NEIGHBOURS + 32 * ((round - 1) & 3));
  }
  invert1();
  leave(roundKeys + 16, 1);
}

export function encrypt4(roundKeys: usize): void {
  enter(roundKeys, 4);
  for (let round = 1; round < ROUNDS; round++) {
    roundKeys += 16;
    invert4();
    mix4(roundKeys, NEIGHBOURS + 32 * ((round - 1) & 3));
  }
  invert4();
  leave(roundKeys + 16, 4);
}

export function encrypt8(roundKeys: usize): void {
  enter(roundKeys, 8);
  for (let round = 1; round < ROUNDS; round++) {
    roundKeys += 16;
    invert8();
    mix8(roundKeys, NEIGHBOURS + 32 * ((round - 1) & 3));
  }
  invert8();
  leave(roundKeys + 16, 8);
}

/** What `encrypt` of `count` blocks left behind, beside its result. */
export function wipeHalves(count: usize): void {
  memory.fill(AES_HALVES, 0, 32 * count);
}

/** The first AddRoundKey, into tower form. */
// @ts-ignore: decorator
@inline
function enter(roundKeys: usize, count: usize): void {
  const low = v128.load(LOW_NIBBLE);
  const key = v128.load(roundKeys);
  for (let block = AES_BLOCKS; block < AES_BLOCKS + 16 * count; block += 16) {
    v128.store(block, v128.xor(mapNibbles(TO_TOWER, v128.load(block), low), key));
  }
}

/** The last SubBytes and AddRoundKey, out of tower form and out of the frame: round 14 has that of round 2. */
// @ts-ignore: decorator
@inline
function leave(roundKey: usize, count: usize): void {
  const key = v128.load(roundKey);
  const frame = v128.load(FRAMES, 32);
  const ofU = v128.load(SUB_LAST);
  const ofV = v128.load(SUB_LAST, 16);
  let halves = AES_HALVES;
  for (let block = AES_BLOCKS; block < AES_BLOCKS + 16 * count; block += 16, halves += 32) {
    const x = v128.xor(lookup(ofU, v128.load(halves)), lookup(ofV, v128.load(halves, 16)));
    v128.store(block, lookup(v128.xor(x, key), frame));
  }
}

// @ts-ignore: decorator
@inline
function invert1(): void {
  const inv = v128.load(INVERSE);
  const aOver = v128.load(A_OVER);
  const low = v128.load(LOW_NIBBLE);
  invert(0, inv, aOver, low);
}

// @ts-ignore: decorator
@inline
function invert4(): void {
  const inv = v128.load(INVERSE);
  const aOver = v128.load(A_OVER);
  const low = v128.load(LOW_NIBBLE);
  invert(0, inv, aOver, low);
  invert(1, inv, aOver, low);
  invert(2, inv, aOver, low);
  invert(3, inv, aOver, low);
}

// @ts-ignore: decorator
@inline
function invert8(): void {
  const inv = v128.load(INVERSE);
  const aOver = v128.load(A_OVER);
  const low = v128.load(LOW_NIBBLE);
  invert(0, inv, aOver, low);
  invert(1, inv, aOver, low);
  invert(2, inv, aOver, low);
  invert(3, inv, aOver, low);
  invert(4, inv, aOver, low);
  invert(5, inv, aOver, low);
  invert(6, inv, aOver, low);
  invert(7, inv, aOver, low);
}

/** First half of a round for block `n`: io and jo. */
// @ts-ignore: decorator
@inline
function invert(n: usize, inv: v128, aOver: v128, low: v128): void {
  const x = v128.load(AES_BLOCKS + 16 * n);
  const i = highNibble(x, low);
  const k = v128.and(x, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(aOver, k);
  v128.store(AES_HALVES + 32 * n, half(inv, aOverK, i, j));
  v128.store(AES_HALVES + 32 * n + 16, half(inv, aOverK, j, i));
}

// @ts-ignore: decorator
@inline
function mix1(roundKey: usize, neighbours: usize): void {
  mix(
    0, v128.load(roundKey), v128.load(neighbours), v128.load(neighbours, 16), v128.load(SUB), v128.load(SUB, 16),
    v128.load(SUB_DOUBLED), v128.load(SUB_DOUBLED, 16),
  );
}

// @ts-ignore: decorator
@inline
function mix4(roundKey: usize, neighbours: usize): void {
  const key = v128.load(roundKey);
  const down1 = v128.load(neighbours);
  const down3 = v128.load(neighbours, 16);
  const subU = v128.load(SUB);
  const subV = v128.load(SUB, 16);
  const twiceU = v128.load(SUB_DOUBLED);
  const twiceV = v128.load(SUB_DOUBLED, 16);
  mix(0, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(1, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(2, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(3, key, down1, down3, subU, subV, twiceU, twiceV);
}

// @ts-ignore: decorator
@inline
function mix8(roundKey: usize, neighbours: usize): void {
  const key = v128.load(roundKey);
  const down1 = v128.load(neighbours);
  const down3 = v128.load(neighbours, 16);
  const subU = v128.load(SUB);
  const subV = v128.load(SUB, 16);
  const twiceU = v128.load(SUB_DOUBLED);
  const twiceV = v128.load(SUB_DOUBLED, 16);
  mix(0, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(1, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(2, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(3, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(4, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(5, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(6, key, down1, down3, subU, subV, twiceU, twiceV);
  mix(7, key, down1, down3, subU, subV, twiceU, twiceV);
}

/** Second half of a round for block `n`: 2S + 3S(down 1) + S(down 2) + S(down 3), the round key added. */
// @ts-ignore: decorator
@inline
function mix(n: usize, key: v128, down1: v128, down3: v128, subU: v128, subV: v128, twiceU: v128, twiceV: v128): void {
  const u = v128.load(AES_HALVES + 32 * n);
  const v = v128.load(AES_HALVES + 32 * n + 16);
  const once = v128.xor(lookup(subU, u), lookup(subV, v));
  const twice = v128.xor(lookup(twiceU, u), lookup(twiceV, v));
  const pair = v128.xor(twice, lookup(once, down1));
  const rest = v128.xor(lookup(once, down3), key);
  v128.store(AES_BLOCKS + 16 * n, v128.xor(v128.xor(pair, rest), lookup(pair, down1)));
}
