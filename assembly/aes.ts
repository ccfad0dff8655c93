import {
  A_OVER, FRAMES, INVERSE, LOW_NIBBLE, NEIGHBOURS, SUB, SUB_DOUBLED, SUB_LAST, TO_TOWER,
} from "./aes-tables";
import { lookup } from "./lookup";

/*
 * FIPS 197: AES-256, forward direction. Method and tables: aes-tables.ts. Round keys: aes-keys.ts. Counter mode in bulk:
 * aes-sliced.ts.
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
export function lastRound(state: v128, roundKeys: usize): v128 {
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
