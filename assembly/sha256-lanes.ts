import { LANES_SCHEDULE, LANES_STATE } from "./memory";
import { K, wordsSwapped } from "./sha256";
import { wipe as wipeMemory } from "./wipe";

/*
 * FIPS 180-4: SHA-256 of four messages side by side, each in a lane of 32 bits: a word of all four is one vector.
 */

/** The same chaining value for all. */
export function startFrom(midstate: usize): void {
  for (let i: usize = 0; i < 8; i++) v128.store(LANES_STATE + 16 * i, v128.load32_splat(midstate + 4 * i));
}

/** One block of each: the four follow one another at `blocks`. */
export function absorb(blocks: usize): void {
  for (let part: usize = 0; part < 64; part += 16) {
    const target = LANES_SCHEDULE + 4 * part;
    for (let lane: usize = 0; lane < 4; lane++) {
      v128.store(target + 16 * lane, wordsSwapped(v128.load(blocks + 64 * lane + part)));
    }
    transpose(target, target, 16);
  }
  compress();
}

/** The chaining values so far as the last block of messages of `length` bytes, from `midstate` on. */
export function absorbState(midstate: usize, length: u32): void {
  for (let i: usize = 0; i < 8; i++) v128.store(LANES_SCHEDULE + 16 * i, v128.load(LANES_STATE + 16 * i));
  // §5.1.1
  v128.store(LANES_SCHEDULE, i32x4.splat(0x80000000), 128);
  for (let i: usize = 9; i < 15; i++) v128.store(LANES_SCHEDULE + 16 * i, i32x4.splat(0));
  v128.store(LANES_SCHEDULE, i32x4.splat(length << 3), 240);
  startFrom(midstate);
  compress();
}

/** The digests, 32 bytes each, one after the other. */
export function digests(target: usize): void {
  transpose(LANES_STATE, target, 32);
  transpose(LANES_STATE + 64, target + 16, 32);
  for (let p = target; p < target + 128; p += 16) v128.store(p, wordsSwapped(v128.load(p)));
}

export function wipe(): void {
  wipeMemory(LANES_STATE, 128);
  wipeMemory(LANES_SCHEDULE, 256);
}

/** Four vectors at `source`; those of the answer are `stride` apart. */
function transpose(source: usize, target: usize, stride: usize): void {
  const a = v128.load(source);
  const b = v128.load(source, 16);
  const c = v128.load(source, 32);
  const d = v128.load(source, 48);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(target, i64x2.shuffle(ab, cd, 0, 2));
  v128.store(target + stride, i64x2.shuffle(ab, cd, 1, 3));
  v128.store(target + 2 * stride, i64x2.shuffle(ab2, cd2, 0, 2));
  v128.store(target + 3 * stride, i64x2.shuffle(ab2, cd2, 1, 3));
}

/** §6.2.2 */
function compress(): void {
  let a = v128.load(LANES_STATE);
  let b = v128.load(LANES_STATE, 16);
  let c = v128.load(LANES_STATE, 32);
  let d = v128.load(LANES_STATE, 48);
  let e = v128.load(LANES_STATE, 64);
  let f = v128.load(LANES_STATE, 80);
  let g = v128.load(LANES_STATE, 96);
  let h = v128.load(LANES_STATE, 112);
  for (let t: usize = 0; t < 64; t++) {
    const k = v128.load32_splat(K + 4 * t);
    const w = i32x4.add(k, v128.load(LANES_SCHEDULE + 16 * (t & 15)));
    const t1 = i32x4.add(i32x4.add(i32x4.add(h, w), v128.bitselect(f, g, e)), bigSigma1(e));
    const t2 = i32x4.add(v128.bitselect(b, a, v128.xor(a, c)), bigSigma0(a));
    if (t < 48) extend(t & 15);
    h = g;
    g = f;
    f = e;
    e = i32x4.add(d, t1);
    d = c;
    c = b;
    b = a;
    a = i32x4.add(t1, t2);
  }
  add(0, a);
  add(16, b);
  add(32, c);
  add(48, d);
  add(64, e);
  add(80, f);
  add(96, g);
  add(112, h);
}

// @ts-ignore: decorator
@inline
function add(offset: usize, x: v128): void {
  v128.store(LANES_STATE + offset, i32x4.add(x, v128.load(LANES_STATE + offset)));
}

/** W of sixteen rounds later, in place of the one that has been used. */
// @ts-ignore: decorator
@inline
function extend(t: usize): void {
  const sum = i32x4.add(word(t), word(t + 9));
  const sigmas = i32x4.add(smallSigma0(word(t + 1)), smallSigma1(word(t + 14)));
  v128.store(LANES_SCHEDULE + 16 * t, i32x4.add(sum, sigmas));
}

// @ts-ignore: decorator
@inline
function word(t: usize): v128 {
  return v128.load(LANES_SCHEDULE + 16 * (t & 15));
}

// §4.1.2

// @ts-ignore: decorator
@inline
function rotr(x: v128, n: i32): v128 {
  return v128.or(i32x4.shr_u(x, n), i32x4.shl(x, 32 - n));
}
// @ts-ignore: decorator
@inline
function bigSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 2), rotr(x, 13)), rotr(x, 22));
}
// @ts-ignore: decorator
@inline
function bigSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 6), rotr(x, 11)), rotr(x, 25));
}
// @ts-ignore: decorator
@inline
function smallSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 7), rotr(x, 18)), i32x4.shr_u(x, 3));
}
// @ts-ignore: decorator
@inline
function smallSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 17), rotr(x, 19)), i32x4.shr_u(x, 10));
}
