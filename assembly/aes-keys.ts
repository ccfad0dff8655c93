import { encrypt, enter, half, highNibble, lastRound, mapNibbles, round } from "./aes";
import {
  A_OVER, FRAMES, FROM_TOWER, INVERSE, LAST_WORD, LOW_NIBBLE, ROT_LAST_WORD, ROUND_CONSTANTS, SUB, SUB_CONSTANT,
  SUB_CONSTANT_TOWER, TO_TOWER,
} from "./aes-tables";
import { lookup } from "./lookup";

/*
 * FIPS 197 §5.2: KeyExpansion of AES-256. The round keys are as aes.ts has them.
 */

/** `roundKeys` 240 from `key` 32. */
export function keyExpansion(key: usize, roundKeys: usize): void {
  let even = firstKey(key, roundKeys);
  let odd = secondKey(key, roundKeys);
  for (let i: usize = 0; i < 6; i++) {
    even = evenKey(even, odd, roundKeys, i);
    odd = oddKey(even, odd, roundKeys, i);
  }
  lastKey(even, odd, roundKeys);
}

// @ts-ignore: decorator
@inline
function firstKey(key: usize, roundKeys: usize): v128 {
  const first = mapNibbles(TO_TOWER, v128.load(key), v128.load(LOW_NIBBLE));
  v128.store(roundKeys, first);
  return first;
}

// @ts-ignore: decorator
@inline
function secondKey(key: usize, roundKeys: usize): v128 {
  const second = mapNibbles(TO_TOWER, v128.load(key, 16), v128.load(LOW_NIBBLE));
  storeRoundKey(roundKeys, 1, second);
  return second;
}

/** That of round 2i + 2 from the two before it. */
// @ts-ignore: decorator
@inline
function evenKey(even: v128, odd: v128, roundKeys: usize, i: usize): v128 {
  const rotated = lookup(odd, v128.load(ROT_LAST_WORD));
  const next = v128.xor(runningSum(even), subWord(rotated, v128.load(ROUND_CONSTANTS + 16 * i)));
  storeRoundKey(roundKeys, 2 * i + 2, next);
  return next;
}

/** That of round 2i + 3. */
// @ts-ignore: decorator
@inline
function oddKey(even: v128, odd: v128, roundKeys: usize, i: usize): v128 {
  const repeated = lookup(even, v128.load(LAST_WORD));
  const next = v128.xor(runningSum(odd), subWord(repeated, v128.load(SUB_CONSTANT_TOWER)));
  storeRoundKey(roundKeys, 2 * i + 3, next);
  return next;
}

/** Round 14 ends in plain form; its frame is its own inverse. */
// @ts-ignore: decorator
@inline
function lastKey(even: v128, odd: v128, roundKeys: usize): void {
  const rotated = lookup(odd, v128.load(ROT_LAST_WORD));
  const last = v128.xor(runningSum(even), subWord(rotated, v128.load(ROUND_CONSTANTS, 96)));
  const plain = v128.xor(mapNibbles(FROM_TOWER, last, v128.load(LOW_NIBBLE)), v128.load(SUB_CONSTANT));
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

// ── with the first blocks under a key

/** `keyExpansion`, then `encrypt`. */
export function expandAndEncrypt(key: usize, roundKeys: usize, p: usize, count: isize): void {
  if (count <= 2) return expandAndEncrypt2(key, roundKeys, p);
  if (count <= 4) return expandAndEncrypt4(key, roundKeys, p);
  keyExpansion(key, roundKeys);
  encrypt(roundKeys, p, count);
}

/** A round key waits long for the one before it: few blocks go through the rounds meanwhile. */
function expandAndEncrypt2(key: usize, roundKeys: usize, p: usize): void {
  let even = firstKey(key, roundKeys);
  let odd = secondKey(key, roundKeys);
  let a = enter(v128.load(p), roundKeys);
  let b = enter(v128.load(p, 16), roundKeys);
  for (let i: usize = 0; i < 6; i++) {
    even = evenKey(even, odd, roundKeys, i);
    a = round(a, roundKeys, 2 * i + 1);
    b = round(b, roundKeys, 2 * i + 1);
    odd = oddKey(even, odd, roundKeys, i);
    a = round(a, roundKeys, 2 * i + 2);
    b = round(b, roundKeys, 2 * i + 2);
  }
  lastKey(even, odd, roundKeys);
  v128.store(p, lastRound(round(a, roundKeys, 13), roundKeys));
  v128.store(p, lastRound(round(b, roundKeys, 13), roundKeys), 16);
}

function expandAndEncrypt4(key: usize, roundKeys: usize, p: usize): void {
  let even = firstKey(key, roundKeys);
  let odd = secondKey(key, roundKeys);
  let a = enter(v128.load(p), roundKeys);
  let b = enter(v128.load(p, 16), roundKeys);
  let c = enter(v128.load(p, 32), roundKeys);
  let d = enter(v128.load(p, 48), roundKeys);
  for (let i: usize = 0; i < 6; i++) {
    even = evenKey(even, odd, roundKeys, i);
    a = round(a, roundKeys, 2 * i + 1);
    b = round(b, roundKeys, 2 * i + 1);
    c = round(c, roundKeys, 2 * i + 1);
    d = round(d, roundKeys, 2 * i + 1);
    odd = oddKey(even, odd, roundKeys, i);
    a = round(a, roundKeys, 2 * i + 2);
    b = round(b, roundKeys, 2 * i + 2);
    c = round(c, roundKeys, 2 * i + 2);
    d = round(d, roundKeys, 2 * i + 2);
  }
  lastKey(even, odd, roundKeys);
  a = round(a, roundKeys, 13);
  b = round(b, roundKeys, 13);
  c = round(c, roundKeys, 13);
  d = round(d, roundKeys, 13);
  v128.store(p, lastRound(a, roundKeys));
  v128.store(p, lastRound(b, roundKeys), 16);
  v128.store(p, lastRound(c, roundKeys), 32);
  v128.store(p, lastRound(d, roundKeys), 48);
}
