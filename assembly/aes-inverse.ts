import { half, highNibble, mapNibbles } from "./aes";
import {
  A_OVER, DOUBLE, FRAMES, FROM_TOWER, INVERSE, INVERTED, LOW_NIBBLE, NEIGHBOURS, QUADRUPLE, UNDO_AFFINE,
  UNDO_AFFINE_TOWER,
} from "./aes-tables";
import { lookup } from "./lookup";

/**
 * FIPS 197 §5.3: InvCipher of the block at `p`, in place, by the round keys of `keyExpansion`. Only key unwrapping
 * needs it, so it goes back through the forward rounds instead of having a key schedule of its own.
 */
export function decrypt1(roundKeys: usize, p: usize): void {
  const low = v128.load(LOW_NIBBLE);
  let state = v128.xor(lookup(v128.load(p), v128.load(FRAMES, 32)), v128.load(roundKeys, 224));
  state = invertTower(mapNibbles(UNDO_AFFINE, state, low), low);
  for (let round: usize = 13; round > 0; round--) {
    state = v128.xor(state, v128.load(roundKeys + 16 * round));
    state = invMixColumns(state, NEIGHBOURS + 32 * ((round - 1) & 3), low);
    state = invertTower(mapNibbles(UNDO_AFFINE_TOWER, state, low), low);
  }
  state = v128.xor(state, v128.load(roundKeys));
  v128.store(p, mapNibbles(FROM_TOWER, state, low));
}

/** 1/x, tower form both ways. */
// @ts-ignore: decorator
@inline
function invertTower(x: v128, low: v128): v128 {
  const inv = v128.load(INVERSE);
  const i = highNibble(x, low);
  const k = v128.and(x, low);
  const j = v128.xor(i, k);
  const aOverK = lookup(v128.load(A_OVER), k);
  const u = lookup(v128.load(INVERTED), half(inv, aOverK, i, j));
  const v = lookup(v128.load(INVERTED, 16), half(inv, aOverK, j, i));
  return v128.xor(u, v);
}

/** §5.3.3, as MixColumns of x + 4(x + x two rows down). */
// @ts-ignore: decorator
@inline
function invMixColumns(x: v128, neighbours: usize, low: v128): v128 {
  const down1 = v128.load(neighbours);
  const down3 = v128.load(neighbours, 16);
  const down2 = lookup(lookup(x, down1), down1);
  const y = v128.xor(x, mapNibbles(QUADRUPLE, v128.xor(x, down2), low));
  const pair = v128.xor(mapNibbles(DOUBLE, y, low), lookup(y, down1));
  return v128.xor(v128.xor(pair, lookup(y, down3)), lookup(pair, down1));
}
