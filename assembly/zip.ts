/*
 * Interleaving: the lower or upper halves of two vectors, lane by lane in turns.
 */

// @ts-ignore: decorator
@inline
export function zip8Low(x: v128, y: v128): v128 {
  return i8x16.shuffle(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
// @ts-ignore: decorator
@inline
export function zip8High(x: v128, y: v128): v128 {
  return i8x16.shuffle(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
// @ts-ignore: decorator
@inline
export function zip16Low(x: v128, y: v128): v128 {
  return i16x8.shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
}
// @ts-ignore: decorator
@inline
export function zip16High(x: v128, y: v128): v128 {
  return i16x8.shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
}
// @ts-ignore: decorator
@inline
export function zip32Low(x: v128, y: v128): v128 {
  return i32x4.shuffle(x, y, 0, 4, 1, 5);
}
// @ts-ignore: decorator
@inline
export function zip32High(x: v128, y: v128): v128 {
  return i32x4.shuffle(x, y, 2, 6, 3, 7);
}
// @ts-ignore: decorator
@inline
export function zip64Low(x: v128, y: v128): v128 {
  return i64x2.shuffle(x, y, 0, 2);
}
// @ts-ignore: decorator
@inline
export function zip64High(x: v128, y: v128): v128 {
  return i64x2.shuffle(x, y, 1, 3);
}
