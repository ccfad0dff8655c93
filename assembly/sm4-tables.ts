import { FROM_TOWER, INVERTED, TO_TOWER, multiply } from "./aes-tables";
import { SM4_TABLES } from "./memory";

/*
 * The S-box of SM4 (GB/T 32907) is S(x) = A·(A·x + d3)⁻¹ + d3, the inverse being one of GF(2^8) by the polynomial 1f5 and A
 * the sum of rotations by 0, 1, 3, 6 and 7 (J. Erickson, J. Ding, C. Christensen, "Algebraic Cryptanalysis of SMS4", 2009).
 * All fields of that size are one, so the inverse is that of aes-tables.ts, behind other linear maps.
 */

/** Tables of (low nibble, high nibble): tower form of A·x. And that of d3, in every byte. */
export const SM4_ENTER: usize = SM4_TABLES;
export const SM4_ENTER_CONSTANT: usize = SM4_TABLES + 0x20;
/** Tables of (u, v): A·x of the inverse. And d3, in every byte. */
export const SM4_LEAVE: usize = SM4_TABLES + 0x30;
export const SM4_LEAVE_CONSTANT: usize = SM4_TABLES + 0x50;

/** In every word: the bytes reversed; rotated to the left by 8, 16 and 24 bits. */
export const SWAP: usize = SM4_TABLES + 0x60;
export const ROTATE_8: usize = SM4_TABLES + 0x70;
export const ROTATE_16: usize = SM4_TABLES + 0x80;
export const ROTATE_24: usize = SM4_TABLES + 0x90;

/** From public values, when the instance starts, after those of AES. */
export function computeSm4Tables(): void {
  const root = rootOf1f5();
  for (let half: usize = 0; half < 2; half++) {
    for (let n: u32 = 0; n < 16; n++) {
      const at = half * 16 + n;
      store<u8>(SM4_ENTER + at, <u8>mapped(TO_TOWER, toAes(affine(half ? n << 4 : n), root)));
      const inverted = mapped(FROM_TOWER, load<u8>(INVERTED + at));
      store<u8>(SM4_LEAVE + at, <u8>affine(fromAes(inverted, root)));
    }
  }
  memory.fill(SM4_ENTER_CONSTANT, <u8>mapped(TO_TOWER, toAes(0xd3, root)), 16);
  memory.fill(SM4_LEAVE_CONSTANT, 0xd3, 16);
  for (let d: u32 = 0; d < 16; d++) {
    const word = d & 12;
    store<u8>(SWAP + d, <u8>(d ^ 3));
    store<u8>(ROTATE_8 + d, <u8>(word | ((d - 1) & 3)));
    store<u8>(ROTATE_16 + d, <u8>(word | ((d - 2) & 3)));
    store<u8>(ROTATE_24 + d, <u8>(word | ((d - 3) & 3)));
  }
}

function affine(x: u32): u32 {
  const doubled = x | (x << 8);
  return (x ^ (doubled >> 7) ^ (doubled >> 5) ^ (doubled >> 2) ^ (doubled >> 1)) & 0xff;
}

/** A linear map by its tables, one byte at a time. */
function mapped(tables: usize, x: u32): u32 {
  return <u32>load<u8>(tables + (x & 15)) ^ <u32>load<u8>(tables + 16 + (x >> 4));
}

/** In AES's field, the least root of x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1. */
function rootOf1f5(): u32 {
  let x: u32 = 2;
  while (toAes(0xf5, x) != eighthPower(x)) x++;
  return x;
}

function eighthPower(x: u32): u32 {
  const square = multiply(x, x);
  const fourth = multiply(square, square);
  return multiply(fourth, fourth);
}

/** The element of SM4's field whose bits are `x`, in AES's. */
function toAes(x: u32, root: u32): u32 {
  let element: u32 = 0;
  let power: u32 = 1;
  for (; x != 0; x >>= 1) {
    if (x & 1) element ^= power;
    power = multiply(power, root);
  }
  return element;
}

function fromAes(element: u32, root: u32): u32 {
  let x: u32 = 0;
  while (toAes(x, root) != element) x++;
  return x;
}
