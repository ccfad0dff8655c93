import { half, highNibble, mapNibbles } from "./aes";
import { A_OVER, INVERSE, LOW_NIBBLE } from "./aes-tables";
import { lookup } from "./lookup";
import {
  ROTATE_16, ROTATE_24, ROTATE_8, SM4_ENTER, SM4_ENTER_CONSTANT, SM4_LEAVE, SM4_LEAVE_CONSTANT, SWAP,
} from "./sm4-tables";
import { zip32High, zip32Low, zip64High, zip64Low } from "./zip";

/*
 * SM4, GB/T 32907-2016 (RFC 8998's AEAD_SM4_GCM needs the forward direction only). Tables: sm4-tables.ts. Four blocks at a
 * time: a register holds one of the four words of each.
 */
const ROUNDS: usize = 32;

/** τ: the S-box, in every byte. */
// @ts-ignore: decorator
@inline
function substitute(x: v128): v128 {
  const low = v128.load(LOW_NIBBLE);
  const inv = v128.load(INVERSE);
  const entered = v128.xor(mapNibbles(SM4_ENTER, x, low), v128.load(SM4_ENTER_CONSTANT));
  const i = highNibble(entered, low);
  const k = v128.and(entered, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(v128.load(A_OVER), k);
  const u = lookup(v128.load(SM4_LEAVE), half(inv, aOverK, i, j));
  const v = lookup(v128.load(SM4_LEAVE, 16), half(inv, aOverK, j, i));
  return v128.xor(v128.xor(u, v), v128.load(SM4_LEAVE_CONSTANT));
}

// @ts-ignore: decorator
@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

/** T: L(B) = B + (B <<< 2) + (B <<< 10) + (B <<< 18) + (B <<< 24). */
// @ts-ignore: decorator
@inline
function transform(x: v128): v128 {
  const b = substitute(x);
  const sum = v128.xor(b, v128.xor(lookup(b, v128.load(ROTATE_8)), lookup(b, v128.load(ROTATE_16))));
  return v128.xor(v128.xor(b, lookup(b, v128.load(ROTATE_24))), rotate(sum, 2));
}

/** T′, of the key schedule: L′(B) = B + (B <<< 13) + (B <<< 23). */
// @ts-ignore: decorator
@inline
function transformKey(x: v128): v128 {
  const b = substitute(x);
  return v128.xor(b, v128.xor(rotate(b, 13), rotate(b, 23)));
}

/** `roundKeys` 128, of `key` 16. */
export function keyExpansion(key: usize, roundKeys: usize): void {
  let k0 = i32x4.splat(bswap<u32>(load<u32>(key)) ^ 0xa3b1bac6);
  let k1 = i32x4.splat(bswap<u32>(load<u32>(key, 4)) ^ 0x56aa3350);
  let k2 = i32x4.splat(bswap<u32>(load<u32>(key, 8)) ^ 0x677d9197);
  let k3 = i32x4.splat(bswap<u32>(load<u32>(key, 12)) ^ 0xb27022dc);
  // CK: its bytes are the multiples of 7, modulo 256.
  let constant = i32x4.splat(0x00070e15);
  for (let p = roundKeys; p < roundKeys + 4 * ROUNDS; p += 4) {
    const next = v128.xor(k0, transformKey(v128.xor(v128.xor(k1, k2), v128.xor(k3, constant))));
    constant = i8x16.add(constant, i8x16.splat(0x1c));
    k0 = k1;
    k1 = k2;
    k2 = k3;
    k3 = next;
    v128.store32_lane(p, next, 0);
  }
}

/** `count` blocks at `p`, in place; and those behind them up to a multiple of four. */
export function encrypt(roundKeys: usize, p: usize, count: isize): void {
  for (; count > 4; count -= 8, p += 128) encrypt8(roundKeys, p);
  if (count > 0) encrypt4(roundKeys, p);
}

function encrypt4(roundKeys: usize, p: usize): void {
  let a0 = word0(p), a1 = word1(p), a2 = word2(p), a3 = word3(p);
  for (let key = roundKeys; key < roundKeys + 4 * ROUNDS; key += 16) {
    a0 = round(a0, a1, a2, a3, key);
    a1 = round(a1, a2, a3, a0, key + 4);
    a2 = round(a2, a3, a0, a1, key + 8);
    a3 = round(a3, a0, a1, a2, key + 12);
  }
  storeReversed(p, a0, a1, a2, a3);
}

/** Two registers of each word, so that one waits for no other. */
function encrypt8(roundKeys: usize, p: usize): void {
  let a0 = word0(p), a1 = word1(p), a2 = word2(p), a3 = word3(p);
  let b0 = word0(p + 64), b1 = word1(p + 64), b2 = word2(p + 64), b3 = word3(p + 64);
  for (let key = roundKeys; key < roundKeys + 4 * ROUNDS; key += 16) {
    a0 = round(a0, a1, a2, a3, key);
    b0 = round(b0, b1, b2, b3, key);
    a1 = round(a1, a2, a3, a0, key + 4);
    b1 = round(b1, b2, b3, b0, key + 4);
    a2 = round(a2, a3, a0, a1, key + 8);
    b2 = round(b2, b3, b0, b1, key + 8);
    a3 = round(a3, a0, a1, a2, key + 12);
    b3 = round(b3, b0, b1, b2, key + 12);
  }
  storeReversed(p, a0, a1, a2, a3);
  storeReversed(p + 64, b0, b1, b2, b3);
}

// @ts-ignore: decorator
@inline
function round(x0: v128, x1: v128, x2: v128, x3: v128, key: usize): v128 {
  return v128.xor(x0, transform(v128.xor(v128.xor(x1, x2), v128.xor(x3, v128.load32_splat(key)))));
}

// ── words of the four blocks at `p`, big-endian

// @ts-ignore: decorator
@inline
function word0(p: usize): v128 {
  return swapped(zip64Low(zip32Low(v128.load(p), v128.load(p, 16)), zip32Low(v128.load(p, 32), v128.load(p, 48))));
}
// @ts-ignore: decorator
@inline
function word1(p: usize): v128 {
  return swapped(zip64High(zip32Low(v128.load(p), v128.load(p, 16)), zip32Low(v128.load(p, 32), v128.load(p, 48))));
}
// @ts-ignore: decorator
@inline
function word2(p: usize): v128 {
  return swapped(zip64Low(zip32High(v128.load(p), v128.load(p, 16)), zip32High(v128.load(p, 32), v128.load(p, 48))));
}
// @ts-ignore: decorator
@inline
function word3(p: usize): v128 {
  return swapped(zip64High(zip32High(v128.load(p), v128.load(p, 16)), zip32High(v128.load(p, 32), v128.load(p, 48))));
}

/** R: the last word comes first. */
// @ts-ignore: decorator
@inline
function storeReversed(p: usize, x0: v128, x1: v128, x2: v128, x3: v128): void {
  const low32 = zip32Low(x3, x2), low10 = zip32Low(x1, x0);
  const high32 = zip32High(x3, x2), high10 = zip32High(x1, x0);
  v128.store(p, swapped(zip64Low(low32, low10)));
  v128.store(p, swapped(zip64High(low32, low10)), 16);
  v128.store(p, swapped(zip64Low(high32, high10)), 32);
  v128.store(p, swapped(zip64High(high32, high10)), 48);
}

// @ts-ignore: decorator
@inline
function swapped(x: v128): v128 {
  return lookup(x, v128.load(SWAP));
}
