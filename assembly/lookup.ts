/**
 * `table[index]` in all sixteen lanes, 0 where bit 7 of the index is set. Indices 16 to 127 never occur: the relaxed
 * instruction leaves them to the CPU, and saves x64 the saturating add that the strict one needs before its PSHUFB.
 * scripts/build-wasm compiles one module of each kind.
 */
// @ts-ignore: decorator
@inline
export function lookup(table: v128, index: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, index) : i8x16.swizzle(table, index);
}
