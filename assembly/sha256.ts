import { loadPartial, oneAt } from "./constant-time";
import { SHA256_BLOCK, SHA256_END, SHA256_SCHEDULE, SHA256_STATE } from "./memory";
import { wipe } from "./wipe";

/*
 * FIPS 180-4: SHA-256. One message at a time. The rounds are scalar; the message schedule is computed four words at a time
 * between them, in the vector units that they leave free.
 */

/** §4.2.2 */
export const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
], 16);

const LAST_K: usize = K + 256;

/** §5.3.3 */
const H0 = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
], 16);

let total: u64 = 0;
let waiting: usize = 0;

export function start(): void {
  startFrom(H0, 0);
}

/** After `length` bytes, a multiple of 64, that have led to the chaining value at `midstate`. */
export function startFrom(midstate: usize, length: u64): void {
  v128.store(SHA256_STATE, v128.load(midstate));
  v128.store(SHA256_STATE, v128.load(midstate, 16), 16);
  total = length;
  waiting = 0;
}

export function update(p: usize, length: usize): void {
  total += length;
  if (waiting) {
    const part = min(length, 64 - waiting);
    memory.copy(SHA256_BLOCK + waiting, p, part);
    waiting += part;
    if (waiting < 64) return;
    compress(SHA256_BLOCK);
    p += part;
    length -= part;
  }
  for (; length >= 64; length -= 64, p += 64) compress(p);
  for (let offset: usize = 0; offset < length; offset += 16) v128.store(SHA256_BLOCK + offset, v128.load(p + offset));
  waiting = length;
}

/** The digest, 32 bytes; wipes everything. */
export function finish(target: usize): void {
  // §5.1.1, in registers: a load waits long for bytes that were stored one by one
  const part = SHA256_BLOCK + (waiting & ~15);
  v128.store(part, v128.or(loadPartial(part, waiting & 15), oneAt(waiting & 15)));
  clearFrom(part + 16);
  if (waiting > 55) {
    compress(SHA256_BLOCK);
    clearFrom(SHA256_BLOCK);
  }
  v128.store(SHA256_BLOCK, i64x2.replace_lane(v128.load(SHA256_BLOCK, 48), 1, bswap<u64>(total << 3)), 48);
  compress(SHA256_BLOCK);
  v128.store(target, wordsSwapped(v128.load(SHA256_STATE)));
  v128.store(target, wordsSwapped(v128.load(SHA256_STATE, 16)), 16);
  wipe(SHA256_SCHEDULE, SHA256_END - SHA256_SCHEDULE);
}

/** The chaining value of a message whose length is a multiple of 64; wipes everything else. */
export function finishMidstate(target: usize): void {
  v128.store(target, v128.load(SHA256_STATE));
  v128.store(target, v128.load(SHA256_STATE, 16), 16);
  wipe(SHA256_SCHEDULE, SHA256_END - SHA256_SCHEDULE);
}

/** Zeros the rest of the unfinished block. */
// @ts-ignore: decorator
@inline
function clearFrom(part: usize): void {
  for (; part < SHA256_BLOCK + 64; part += 16) v128.store(part, i64x2.splat(0));
}

/** §6.2.2; a round needs W + K of its word, which are computed four at a time, sixteen rounds before. */
function compress(block: usize): void {
  let w0 = wordsSwapped(v128.load(block));
  let w4 = wordsSwapped(v128.load(block, 16));
  let w8 = wordsSwapped(v128.load(block, 32));
  let w12 = wordsSwapped(v128.load(block, 48));
  v128.store(SHA256_SCHEDULE, i32x4.add(w0, v128.load(K)));
  v128.store(SHA256_SCHEDULE, i32x4.add(w4, v128.load(K, 16)), 16);
  v128.store(SHA256_SCHEDULE, i32x4.add(w8, v128.load(K, 32)), 32);
  v128.store(SHA256_SCHEDULE, i32x4.add(w12, v128.load(K, 48)), 48);
  let a = load<u32>(SHA256_STATE);
  let b = load<u32>(SHA256_STATE, 4);
  let c = load<u32>(SHA256_STATE, 8);
  let d = load<u32>(SHA256_STATE, 12);
  let e = load<u32>(SHA256_STATE, 16);
  let f = load<u32>(SHA256_STATE, 20);
  let g = load<u32>(SHA256_STATE, 24);
  let h = load<u32>(SHA256_STATE, 28);
  let x = b ^ c;
  let y: u32 = 0;
  for (let k = K + 64; k <= LAST_K; k += 64) {
    // A round is T1 into h, then e = d + T1, then a = T1 + T2, under names that move on by one. What is known last is added
    // last. Maj(a, b, c) = ((b ⊕ c) ∧ (a ⊕ b)) ⊕ b, of which one half is the other of the round before.
    h = h + load<u32>(SHA256_SCHEDULE, 0) + choose(e, f, g) + bigSigma1(e);
    d += h;
    y = a ^ b;
    h = h + ((x & y) ^ b) + bigSigma0(a);
    g = g + load<u32>(SHA256_SCHEDULE, 4) + choose(d, e, f) + bigSigma1(d);
    c += g;
    x = h ^ a;
    g = g + ((y & x) ^ a) + bigSigma0(h);
    f = f + load<u32>(SHA256_SCHEDULE, 8) + choose(c, d, e) + bigSigma1(c);
    b += f;
    y = g ^ h;
    f = f + ((x & y) ^ h) + bigSigma0(g);
    e = e + load<u32>(SHA256_SCHEDULE, 12) + choose(b, c, d) + bigSigma1(b);
    a += e;
    x = f ^ g;
    e = e + ((y & x) ^ g) + bigSigma0(f);
    if (k < LAST_K) w0 = expanded(w0, w4, w8, w12, k, SHA256_SCHEDULE);
    d = d + load<u32>(SHA256_SCHEDULE, 16) + choose(a, b, c) + bigSigma1(a);
    h += d;
    y = e ^ f;
    d = d + ((x & y) ^ f) + bigSigma0(e);
    c = c + load<u32>(SHA256_SCHEDULE, 20) + choose(h, a, b) + bigSigma1(h);
    g += c;
    x = d ^ e;
    c = c + ((y & x) ^ e) + bigSigma0(d);
    b = b + load<u32>(SHA256_SCHEDULE, 24) + choose(g, h, a) + bigSigma1(g);
    f += b;
    y = c ^ d;
    b = b + ((x & y) ^ d) + bigSigma0(c);
    a = a + load<u32>(SHA256_SCHEDULE, 28) + choose(f, g, h) + bigSigma1(f);
    e += a;
    x = b ^ c;
    a = a + ((y & x) ^ c) + bigSigma0(b);
    if (k < LAST_K) w4 = expanded(w4, w8, w12, w0, k + 16, SHA256_SCHEDULE + 16);
    h = h + load<u32>(SHA256_SCHEDULE, 32) + choose(e, f, g) + bigSigma1(e);
    d += h;
    y = a ^ b;
    h = h + ((x & y) ^ b) + bigSigma0(a);
    g = g + load<u32>(SHA256_SCHEDULE, 36) + choose(d, e, f) + bigSigma1(d);
    c += g;
    x = h ^ a;
    g = g + ((y & x) ^ a) + bigSigma0(h);
    f = f + load<u32>(SHA256_SCHEDULE, 40) + choose(c, d, e) + bigSigma1(c);
    b += f;
    y = g ^ h;
    f = f + ((x & y) ^ h) + bigSigma0(g);
    e = e + load<u32>(SHA256_SCHEDULE, 44) + choose(b, c, d) + bigSigma1(b);
    a += e;
    x = f ^ g;
    e = e + ((y & x) ^ g) + bigSigma0(f);
    if (k < LAST_K) w8 = expanded(w8, w12, w0, w4, k + 32, SHA256_SCHEDULE + 32);
    d = d + load<u32>(SHA256_SCHEDULE, 48) + choose(a, b, c) + bigSigma1(a);
    h += d;
    y = e ^ f;
    d = d + ((x & y) ^ f) + bigSigma0(e);
    c = c + load<u32>(SHA256_SCHEDULE, 52) + choose(h, a, b) + bigSigma1(h);
    g += c;
    x = d ^ e;
    c = c + ((y & x) ^ e) + bigSigma0(d);
    b = b + load<u32>(SHA256_SCHEDULE, 56) + choose(g, h, a) + bigSigma1(g);
    f += b;
    y = c ^ d;
    b = b + ((x & y) ^ d) + bigSigma0(c);
    a = a + load<u32>(SHA256_SCHEDULE, 60) + choose(f, g, h) + bigSigma1(f);
    e += a;
    x = b ^ c;
    a = a + ((y & x) ^ c) + bigSigma0(b);
    if (k < LAST_K) w12 = expanded(w12, w0, w4, w8, k + 48, SHA256_SCHEDULE + 48);
  }
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE) + a);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 4) + b, 4);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 8) + c, 8);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 12) + d, 12);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 16) + e, 16);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 20) + f, 20);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 24) + g, 24);
  store<u32>(SHA256_STATE, load<u32>(SHA256_STATE, 28) + h, 28);
}

// §4.1.2

// @ts-ignore: decorator
@inline
function choose(x: u32, y: u32, z: u32): u32 {
  return ((y ^ z) & x) ^ z;
}
/** Of rotations by 2, 13, 22: with one register less than side by side, but slower than needed where much waits for it. */
// @ts-ignore: decorator
@inline
function bigSigma0(x: u32): u32 {
  return rotr(rotr(rotr(x, 9) ^ x, 11) ^ x, 2);
}
// @ts-ignore: decorator
@inline
function bigSigma1(x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}

/** The next four words, W + K of which go to `target`. */
// @ts-ignore: decorator
@inline
function expanded(w0: v128, w4: v128, w8: v128, w12: v128, k: usize, target: usize): v128 {
  const words = nextWords(w0, w4, w8, w12);
  v128.store(target, i32x4.add(words, v128.load(k)));
  return words;
}

/** W[t … t+3] from the sixteen words before; the last two need the first two. */
// @ts-ignore: decorator
@inline
function nextWords(w0: v128, w4: v128, w8: v128, w12: v128): v128 {
  const zero = i64x2.splat(0);
  const back15 = i8x16.shuffle(w0, w4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
  const back7 = i8x16.shuffle(w8, w12, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
  const sum = i32x4.add(i32x4.add(w0, back7), smallSigma0(back15));
  const first = i32x4.add(sum, i64x2.shuffle(smallSigma1(w12), zero, 1, 2));
  return i32x4.add(first, i64x2.shuffle(zero, smallSigma1(first), 0, 2));
}

// @ts-ignore: decorator
@inline
function smallSigma0(x: v128): v128 {
  const r7 = v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
  const r18 = v128.or(i32x4.shr_u(x, 18), i32x4.shl(x, 14));
  return v128.xor(v128.xor(r7, r18), i32x4.shr_u(x, 3));
}
// @ts-ignore: decorator
@inline
function smallSigma1(x: v128): v128 {
  const r17 = v128.or(i32x4.shr_u(x, 17), i32x4.shl(x, 15));
  const r19 = v128.or(i32x4.shr_u(x, 19), i32x4.shl(x, 13));
  return v128.xor(v128.xor(r17, r19), i32x4.shr_u(x, 10));
}

/** Big-endian words of memory. */
// @ts-ignore: decorator
@inline
export function wordsSwapped(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}
