import { encrypt1, ROUND_KEYS_SIZE } from "./aes";
import { keyExpansion } from "./aes-keys";
import { decrypt1 } from "./aes-inverse";
import { AES_BLOCKS, KEY_WRAP_KEYS } from "./memory";
import { wipe } from "./wipe";

/*
 * SP 800-38F §6.3 (RFC 5649): AES key wrap with padding, KWP, under AES-256, in place.
 */
const ICV2: u32 = 0xa65959a6;

/** The material stands at `p` + 8; answers how long the result at `p` is. */
export function wrap(kek: usize, p: usize, length: usize): usize {
  keyExpansion(kek, KEY_WRAP_KEYS);
  // §6.3 Algorithm 5: ICV2 ‖ length ‖ P ‖ zeros
  const padded = (length + 7) & ~7;
  memory.fill(p + 8 + length, 0, padded - length);
  store<u32>(p, bswap<u32>(ICV2));
  store<u32>(p, bswap<u32>(<u32>length), 4);
  if (padded == 8) {
    encrypt1(KEY_WRAP_KEYS, p);
  } else {
    w(p, padded / 8);
  }
  wipeScratch();
  return padded + 8;
}

/**
 * Unwraps `length` bytes at `p`, a multiple of 8, at least 16. The material comes to stand at `p` + 8; answers its length,
 * or -1 when it is not authentic.
 */
export function unwrap(kek: usize, p: usize, length: usize): i32 {
  keyExpansion(kek, KEY_WRAP_KEYS);
  const padded = length - 8;
  if (padded == 8) {
    decrypt1(KEY_WRAP_KEYS, p);
  } else {
    wInverse(p, padded / 8);
  }
  wipeScratch();
  // Algorithm 6, steps 4 to 9, without a branch before the verdict
  const claimed = bswap<u32>(load<u32>(p, 4));
  const padding = <u32>padded - claimed;
  const lastSemiblock = bswap<u64>(load<u64>(p + padded));
  const padBits = (<u64>1 << (8 * <u64>(padding & 7))) - 1;
  const wrong = <u64>(bswap<u32>(load<u32>(p)) ^ ICV2) | <u64>(padding >> 3) | (lastSemiblock & padBits);
  if (wrong != 0) {
    memory.fill(p, 0, length);
    return -1;
  }
  return <i32>claimed;
}

/** W, §6.1 Algorithm 1: A and `n` semiblocks at `p`. */
function w(p: usize, n: usize): void {
  v128.store(AES_BLOCKS, v128.load(p));
  let t: u64 = 0;
  for (let j = 0; j < 6; j++) {
    for (let i: usize = 1; i <= n; i++) {
      store<u64>(AES_BLOCKS, load<u64>(p + 8 * i), 8);
      encrypt1(KEY_WRAP_KEYS, AES_BLOCKS);
      store<u64>(p + 8 * i, load<u64>(AES_BLOCKS, 8));
      t += 1;
      store<u64>(AES_BLOCKS, load<u64>(AES_BLOCKS) ^ bswap<u64>(t));
    }
  }
  store<u64>(p, load<u64>(AES_BLOCKS));
}

/** W⁻¹, Algorithm 2. */
function wInverse(p: usize, n: usize): void {
  v128.store(AES_BLOCKS, v128.load(p));
  for (let t = 6 * <u64>n; t > 0;) {
    for (let i = n; i >= 1; i--) {
      store<u64>(AES_BLOCKS, load<u64>(AES_BLOCKS) ^ bswap<u64>(t));
      t -= 1;
      store<u64>(AES_BLOCKS, load<u64>(p + 8 * i), 8);
      decrypt1(KEY_WRAP_KEYS, AES_BLOCKS);
      store<u64>(p + 8 * i, load<u64>(AES_BLOCKS, 8));
    }
  }
  store<u64>(p, load<u64>(AES_BLOCKS));
}

function wipeScratch(): void {
  wipe(KEY_WRAP_KEYS, ROUND_KEYS_SIZE);
  wipe(AES_BLOCKS, 16);
}
