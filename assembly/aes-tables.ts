import { AES_TABLES, TABLES_SCRATCH } from "./memory";

/*
 * AES by vector permutation: M. Hamburg, "Accelerating AES with Vector Permute Instructions", CHES 2009.
 *
 * GF(2^8) is seen as GF(2^4)[ζ] with ζ + ζ^16 = 1. A byte iζ + jζ^16 is kept as the nibbles (i, k = i + j): its *tower*
 * form. With a = ζ^-17 its inverse comes from sixteen-entry tables alone:
 *
 *   u = 1/io, io = 1/(1/i + a/k) + j        1/x = u(ζ + (1+a)ζ^16)/a + v((1+a)ζ + ζ^16)/a
 *   v = 1/jo, jo = 1/(1/j + a/k) + i
 *
 * 0x80 stands for infinity: a lookup at it yields 0, and adding to it leaves bit 7 set. What follows an inversion is
 * linear up to a constant, so it is folded into the tables of u and v.
 *
 * The tables are computed here, from public values, when the instance starts; 16 bytes each.
 */

/** 1/n and a/n of GF(2^4). */
export const INVERSE: usize = AES_TABLES;
export const A_OVER: usize = AES_TABLES + 0x10;

/** Tables of (u, v) → tower form of SubBytes, of 2 × SubBytes; → SubBytes; → tower form of the inverse itself. */
export const SUB: usize = AES_TABLES + 0x20;
export const SUB_DOUBLED: usize = AES_TABLES + 0x40;
export const SUB_LAST: usize = AES_TABLES + 0x60;
export const INVERTED: usize = AES_TABLES + 0x80;

/** Tables of (low nibble, high nibble), linear maps: into and out of tower form. */
export const TO_TOWER: usize = AES_TABLES + 0xa0;
export const FROM_TOWER: usize = AES_TABLES + 0xc0;
/** The inverse of SubBytes' affine map, from plain and from tower form, into tower form. */
export const UNDO_AFFINE: usize = AES_TABLES + 0xe0;
export const UNDO_AFFINE_TOWER: usize = AES_TABLES + 0x100;
/** 2x and 4x, tower form both ways. */
export const DOUBLE: usize = AES_TABLES + 0x120;
export const QUADRUPLE: usize = AES_TABLES + 0x140;

/** 0x0f; 0x63 in plain and in tower form, in every byte. */
export const LOW_NIBBLE: usize = AES_TABLES + 0x160;
export const SUB_CONSTANT: usize = AES_TABLES + 0x170;
export const SUB_CONSTANT_TOWER: usize = AES_TABLES + 0x180;

/** RotWord of the last word, the last word: in every word. */
export const ROT_LAST_WORD: usize = AES_TABLES + 0x190;
export const LAST_WORD: usize = AES_TABLES + 0x1a0;
/** Rcon[1…7] in the first byte of each word, plus 0x63 in every byte, tower form. */
export const ROUND_CONSTANTS: usize = AES_TABLES + 0x1b0;

/**
 * ShiftRows is never carried out: after r rounds byte d of a register is byte frame[r mod 4][d] of the state, and
 * MixColumns looks for its neighbours, 1 and 3 rows further down, where they are in that frame.
 */
export const FRAMES: usize = AES_TABLES + 0x220;
/** Per r mod 4: one row down, three rows down. */
export const NEIGHBOURS: usize = AES_TABLES + 0x260;

const TOWER: usize = TABLES_SCRATCH;
const PLAIN: usize = TABLES_SCRATCH + 0x100;
const AFFINE: usize = TABLES_SCRATCH + 0x200;
const LINEAR: usize = TABLES_SCRATCH + 0x300;

export function computeAesTables(): void {
  const zeta = normalElement();
  const zetaBar = power(zeta, 16);
  const a = inverse(power(zeta, 17));
  fieldMaps(zetaBar);
  inversion(a);
  substitutions(
    multiply(zeta ^ multiply(1 ^ a, zetaBar), inverse(a)),
    multiply(multiply(1 ^ a, zeta) ^ zetaBar, inverse(a)),
  );
  nibbleMaps();
  constants();
  frames();
  memory.fill(TABLES_SCRATCH, 0, 0x400);
}

/** FIPS 197 §4.2. */
export function multiply(x: u32, y: u32): u32 {
  let product: u32 = 0;
  for (; y != 0; y >>= 1) {
    if (y & 1) product ^= x;
    x = (x << 1) ^ (x >> 7) * 0x11b;
  }
  return product;
}

function power(x: u32, exponent: u32): u32 {
  let result: u32 = 1;
  for (let i: u32 = 0; i < exponent; i++) result = multiply(result, x);
  return result;
}

function inverse(x: u32): u32 {
  return power(x, 254);
}

/** The least x with x + x^16 = 1. */
function normalElement(): u32 {
  let x: u32 = 0;
  while ((x ^ power(x, 16)) != 1) x++;
  return x;
}

/** GF(2^4) in GF(2^8): bit b stands for γ^b, where γ = 3^17 has order 15. */
function embed(nibble: u32): u32 {
  const gamma = power(3, 17);
  let element: u32 = 0;
  for (let bit: u32 = 0; bit < 4; bit++) element ^= ((nibble >> bit) & 1) * power(gamma, bit);
  return element;
}

function fieldMaps(zetaBar: u32): void {
  for (let x: u32 = 0; x < 256; x++) {
    // iζ + jζ^16 = i + kζ^16, as ζ = 1 + ζ^16 and k = i + j
    const plain = embed(x >> 4) ^ multiply(embed(x & 15), zetaBar);
    store<u8>(PLAIN + x, <u8>plain);
    store<u8>(TOWER + plain, <u8>x);
  }
  for (let x: u32 = 0; x < 256; x++) {
    // FIPS 197 §5.1.1, without its constant
    const doubled = x | (x << 8);
    const affine = (x ^ (doubled >> 7) ^ (doubled >> 6) ^ (doubled >> 5) ^ (doubled >> 4)) & 0xff;
    store<u8>(LINEAR + x, <u8>affine);
    store<u8>(AFFINE + affine, <u8>x);
  }
}

function inversion(a: u32): void {
  store<u8>(INVERSE, 0x80);
  store<u8>(A_OVER, 0x80);
  for (let n: u32 = 1; n < 16; n++) {
    // An element of GF(2^4) is its own i with k = 0.
    store<u8>(INVERSE + n, load<u8>(TOWER + inverse(embed(n))) >> 4);
    store<u8>(A_OVER + n, load<u8>(TOWER + multiply(a, inverse(embed(n)))) >> 4);
  }
}

function substitutions(ofU: u32, ofV: u32): void {
  for (let half: usize = 0; half < 2; half++) {
    for (let n: u32 = 1; n < 16; n++) {
      const part = multiply(half ? ofV : ofU, inverse(embed(n)));
      const substituted = <u32>load<u8>(LINEAR + part);
      const at = half * 16 + n;
      store<u8>(SUB + at, load<u8>(TOWER + substituted));
      store<u8>(SUB_DOUBLED + at, load<u8>(TOWER + multiply(2, substituted)));
      store<u8>(SUB_LAST + at, <u8>substituted);
      store<u8>(INVERTED + at, load<u8>(TOWER + part));
    }
  }
}

function nibbleMaps(): void {
  for (let half: usize = 0; half < 2; half++) {
    for (let n: u32 = 0; n < 16; n++) {
      const x = half ? n << 4 : n;
      const plain = <u32>load<u8>(PLAIN + x);
      const at = half * 16 + n;
      store<u8>(TO_TOWER + at, load<u8>(TOWER + x));
      store<u8>(FROM_TOWER + at, <u8>plain);
      store<u8>(UNDO_AFFINE + at, load<u8>(TOWER + <u32>load<u8>(AFFINE + x)));
      store<u8>(UNDO_AFFINE_TOWER + at, load<u8>(TOWER + <u32>load<u8>(AFFINE + plain)));
      store<u8>(DOUBLE + at, load<u8>(TOWER + multiply(2, plain)));
      store<u8>(QUADRUPLE + at, load<u8>(TOWER + multiply(4, plain)));
    }
  }
}

function constants(): void {
  const constant = load<u8>(TOWER + 0x63);
  memory.fill(LOW_NIBBLE, 0x0f, 16);
  memory.fill(SUB_CONSTANT, 0x63, 16);
  memory.fill(SUB_CONSTANT_TOWER, constant, 16);
  for (let d: u32 = 0; d < 16; d++) {
    store<u8>(LAST_WORD + d, <u8>(12 + (d & 3)));
    store<u8>(ROT_LAST_WORD + d, <u8>(12 + ((d + 1) & 3)));
    for (let i: u32 = 0; i < 7; i++) {
      const rcon = d & 3 ? <u8>0 : load<u8>(TOWER + power(2, i));
      store<u8>(ROUND_CONSTANTS + i * 16 + d, constant ^ rcon);
    }
  }
}

function frames(): void {
  const previous = TABLES_SCRATCH;
  const where = TABLES_SCRATCH + 16;
  for (let d: u32 = 0; d < 16; d++) store<u8>(FRAMES + d, <u8>d);
  for (let r: u32 = 0; r < 4; r++) {
    // FIPS 197 §5.1.2: ShiftRows moves byte 4(c + row) + row to 4c + row, so its inverse moves 4c + row to 4(c - row).
    for (let d: u32 = 0; d < 16; d++) {
      const byte = <u32>load<u8>(FRAMES + r * 16 + d);
      store<u8>(previous + d, <u8>((byte - 4 * (byte & 3)) & 15));
      store<u8>(where + ((byte - 4 * (byte & 3)) & 15), <u8>d);
    }
    for (let d: u32 = 0; d < 16; d++) {
      const byte = <u32>load<u8>(previous + d);
      if (r < 3) store<u8>(FRAMES + (r + 1) * 16 + d, <u8>byte);
      store<u8>(NEIGHBOURS + r * 32 + d, load<u8>(where + ((byte & 12) | ((byte + 1) & 3))));
      store<u8>(NEIGHBOURS + r * 32 + 16 + d, load<u8>(where + ((byte & 12) | ((byte + 3) & 3))));
    }
  }
}
