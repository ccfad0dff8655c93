import {
  A_OVER, FRAMES, FROM_TOWER, INVERSE, LAST_WORD, LOW_NIBBLE, NEIGHBOURS, ROT_LAST_WORD, ROUND_CONSTANTS, SUB,
  SUB_CONSTANT, SUB_CONSTANT_TOWER, SUB_DOUBLED, SUB_LAST, TO_TOWER,
} from "./aes-tables";
import { lookup } from "./lookup";

/*
 * FIPS 197: AES-256, forward direction. Method and tables: aes-tables.ts. Counter mode in bulk: aes-sliced.ts.
 *
 * States stay in registers, up to six side by side, so that one waits for no other; tables are read where they are used.
 * A round key is kept in tower form and in its round's frame, with the constant 0x63 of SubBytes added (MixColumns leaves
 * it as it is): 15 × 16 bytes.
 */
export const ROUND_KEYS_SIZE: usize = 240;
const ROUNDS: usize = 14;

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

// ── Cipher, §5.1: in place

/** `count` blocks at `p`; the one behind an odd count, too. */
export function encrypt(roundKeys: usize, p: usize, count: isize): void {
  for (; count > 4; count -= 6, p += 96) encrypt6(roundKeys, p);
  if (count > 2) encrypt4(roundKeys, p);
  else if (count > 0) encrypt2(roundKeys, p);
}

export function encrypt1(roundKeys: usize, p: usize): void {
  let a = enter(v128.load(p), roundKeys);
  for (let r: usize = 1; r < ROUNDS; r++) a = round(a, roundKeys, r);
  v128.store(p, lastRound(a, roundKeys));
}

function encrypt2(roundKeys: usize, p: usize): void {
  let a = enter(v128.load(p), roundKeys);
  let b = enter(v128.load(p, 16), roundKeys);
  for (let r: usize = 1; r < ROUNDS; r++) {
    a = round(a, roundKeys, r);
    b = round(b, roundKeys, r);
  }
  v128.store(p, lastRound(a, roundKeys));
  v128.store(p, lastRound(b, roundKeys), 16);
}

function encrypt4(roundKeys: usize, p: usize): void {
  let a = enter(v128.load(p), roundKeys);
  let b = enter(v128.load(p, 16), roundKeys);
  let c = enter(v128.load(p, 32), roundKeys);
  let d = enter(v128.load(p, 48), roundKeys);
  for (let r: usize = 1; r < ROUNDS; r++) {
    a = round(a, roundKeys, r);
    b = round(b, roundKeys, r);
    c = round(c, roundKeys, r);
    d = round(d, roundKeys, r);
  }
  v128.store(p, lastRound(a, roundKeys));
  v128.store(p, lastRound(b, roundKeys), 16);
  v128.store(p, lastRound(c, roundKeys), 32);
  v128.store(p, lastRound(d, roundKeys), 48);
}

function encrypt6(roundKeys: usize, p: usize): void {
  let a = enter(v128.load(p), roundKeys);
  let b = enter(v128.load(p, 16), roundKeys);
  let c = enter(v128.load(p, 32), roundKeys);
  let d = enter(v128.load(p, 48), roundKeys);
  let e = enter(v128.load(p, 64), roundKeys);
  let f = enter(v128.load(p, 80), roundKeys);
  for (let r: usize = 1; r < ROUNDS; r++) {
    a = round(a, roundKeys, r);
    b = round(b, roundKeys, r);
    c = round(c, roundKeys, r);
    d = round(d, roundKeys, r);
    e = round(e, roundKeys, r);
    f = round(f, roundKeys, r);
  }
  v128.store(p, lastRound(a, roundKeys));
  v128.store(p, lastRound(b, roundKeys), 16);
  v128.store(p, lastRound(c, roundKeys), 32);
  v128.store(p, lastRound(d, roundKeys), 48);
  v128.store(p, lastRound(e, roundKeys), 64);
  v128.store(p, lastRound(f, roundKeys), 80);
}

/** The first AddRoundKey, into tower form. */
// @ts-ignore: decorator
@inline
export function enter(block: v128, roundKeys: usize): v128 {
  return v128.xor(mapNibbles(TO_TOWER, block, v128.load(LOW_NIBBLE)), v128.load(roundKeys));
}

/** Round `r`: SubBytes; MixColumns, 2S + 3S(down 1) + S(down 2) + S(down 3); AddRoundKey. */
// @ts-ignore: decorator
@inline
export function round(state: v128, roundKeys: usize, r: usize): v128 {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const i = highNibble(state, low);
  const k = v128.and(state, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(v128.load(A_OVER), k);
  const u = half(inv, aOverK, i, j);
  const v = half(inv, aOverK, j, i);
  const once = v128.xor(lookup(v128.load(SUB), u), lookup(v128.load(SUB, 16), v));
  const twice = v128.xor(lookup(v128.load(SUB_DOUBLED), u), lookup(v128.load(SUB_DOUBLED, 16), v));
  const neighbours = NEIGHBOURS + 32 * ((r - 1) & 3);
  const down1 = v128.load(neighbours);
  const pair = v128.xor(twice, lookup(once, down1));
  const rest = v128.xor(lookup(once, v128.load(neighbours, 16)), v128.load(roundKeys + 16 * r));
  return v128.xor(v128.xor(pair, rest), lookup(pair, down1));
}

/** SubBytes and AddRoundKey, out of tower form and out of the frame: round 14 has that of round 2. */
// @ts-ignore: decorator
@inline
function lastRound(state: v128, roundKeys: usize): v128 {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const i = highNibble(state, low);
  const k = v128.and(state, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(v128.load(A_OVER), k);
  const u = lookup(v128.load(SUB_LAST), half(inv, aOverK, i, j));
  const v = lookup(v128.load(SUB_LAST, 16), half(inv, aOverK, j, i));
  return lookup(v128.xor(v128.xor(u, v), v128.load(roundKeys, 224)), v128.load(FRAMES, 32));
}
