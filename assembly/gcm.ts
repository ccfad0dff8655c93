import { encrypt4, encrypt8, keyExpansion, wipeHalves } from "./aes";
import { equal, loadPartial } from "./constant-time";
import * as ghash from "./ghash";
import { AES_BLOCKS, GCM_KEY, GCM_SCRATCH_END, GCM_STREAM, GCM_TAG_MASK, GHASH_Y } from "./memory";

/*
 * SP 800-38D: AES-256-GCM with IVs of 96 bits. One message at a time: start, authenticate the additional data, then
 * encrypt, or authenticate the ciphertext, verify and only then decrypt; finish. A part that is not the last of its kind
 * has a length that is a multiple of 16.
 *
 * A *key context* is 15 round keys, 16 bytes of padding, and power tables of H.
 */
export const TABLES_AT: usize = 256;

let context: usize = 0;
let powers: usize = 0;
let iv: usize = 0;
let counter: u32 = 0;
/** Of the 128 bytes of key stream, how many are used up. */
let used: usize = 128;
let aadBytes: u64 = 0;
let dataBytes: u64 = 0;

/** Makes a key context that is kept, with `count` powers of H. */
export function keyContext(key: usize, target: usize, count: usize): void {
  keyExpansion(key, target);
  v128.store(AES_BLOCKS, i64x2.splat(0));
  encrypt4(target);
  ghash.powerTables(AES_BLOCKS, target + TABLES_AT, count);
  ghash.wipe();
  memory.fill(AES_BLOCKS, 0, 64);
  wipeHalves(4);
}

/** A message under a kept context. `iv` (12 bytes, 16 are read) must stay where it is until `finish`. */
export function startWith(keyContext: usize, count: usize, ivAt: usize): void {
  begin(keyContext, count, ivAt);
  counterBlock(0, 1);
  firstStream(1, 4);
  ghash.start(context + TABLES_AT, powers);
}

/** A message of about `blocks` blocks, additional data included, under `key`, in the working context. */
export function start(key: usize, ivAt: usize, blocks: usize): void {
  keyExpansion(key, GCM_KEY);
  begin(GCM_KEY, powersFor(blocks), ivAt);
  // H and E(J0) come with the first blocks of key stream: §6.4, §7.1 step 1
  v128.store(AES_BLOCKS, i64x2.splat(0));
  counterBlock(1, 1);
  firstStream(2, blocks > 6 ? 8 : 4);
  ghash.powerTables(AES_BLOCKS, context + TABLES_AT, powers);
  ghash.start(context + TABLES_AT, powers);
}

/** The more blocks, the more powers pay for themselves. */
function powersFor(blocks: usize): usize {
  if (blocks <= 3) return 1;
  if (blocks <= 8) return 2;
  if (blocks <= 32) return 4;
  return blocks <= 96 ? 8 : 16;
}

// @ts-ignore: decorator
@inline
function begin(keyContext: usize, count: usize, ivAt: usize): void {
  context = keyContext;
  powers = count;
  iv = ivAt;
  aadBytes = 0;
  dataBytes = 0;
}

export function authenticate(p: usize, length: usize): void {
  aadBytes += length;
  absorb(p, length);
}

export function authenticateCiphertext(p: usize, length: usize): void {
  dataBytes += length;
  absorb(p, length);
}

/** Encrypts and authenticates in place; zeros follow up to the next multiple of 16. */
export function encrypt(p: usize, length: usize): void {
  dataBytes += length;
  while (length > 0) {
    const part = min(length, 4096);
    gctr(p, part);
    absorb(p, part);
    p += part;
    length -= part;
  }
}

/** GCTR, §6.5, in place. Zeros follow up to the next multiple of 16. */
export function gctr(p: usize, length: usize): void {
  for (; length >= 16; length -= 16, p += 16) {
    v128.store(p, v128.xor(v128.load(p), stream()));
  }
  if (length) {
    v128.store(p, v128.xor(v128.load(p), stream()));
    v128.store(p, loadPartial(p, length));
  }
}

/** The tag, 16 bytes: §7.1 steps 5 and 6. */
export function tag(target: usize): void {
  ghash.absorb(lengths());
  ghash.flush();
  v128.store(target, v128.xor(v128.load(GHASH_Y), v128.load(GCM_TAG_MASK)));
}

/** Whether the tag at `expected` is right; `tag` into `scratch`, compared in constant time and wiped. */
export function verify(expected: usize): bool {
  tag(GHASH_Y);
  return equal(GHASH_Y, expected, 16);
}

/** Wipes everything but a kept context. */
export function finish(): void {
  if (context == GCM_KEY) memory.fill(GCM_KEY, 0, TABLES_AT + powers * ghash.POWER_SIZE);
  memory.fill(AES_BLOCKS, 0, GCM_SCRATCH_END - AES_BLOCKS);
}

// @ts-ignore: decorator
@inline
function absorb(p: usize, length: usize): void {
  for (; length >= 16; length -= 16, p += 16) ghash.absorb(v128.load(p));
  if (length) ghash.absorb(loadPartial(p, length));
}

/** [len(A)]64 ‖ [len(C)]64, in bits. */
// @ts-ignore: decorator
@inline
function lengths(): v128 {
  return i64x2.replace_lane(i64x2.splat(bswap<u64>(aadBytes << 3)), 1, bswap<u64>(dataBytes << 3));
}

// ── key stream

/** The `n`-th of AES_BLOCKS becomes IV ‖ count. */
// @ts-ignore: decorator
@inline
function counterBlock(n: usize, count: u32): void {
  v128.store(AES_BLOCKS + 16 * n, i32x4.replace_lane(v128.load(iv), 3, bswap<u32>(count)));
}

/** Encrypts what stands in front of `from`, of which the last is J0, and the first key stream, together `count` blocks. */
// @ts-ignore: decorator
@inline
function firstStream(from: usize, count: usize): void {
  counter = 2;
  for (let n = from; n < count; n++) counterBlock(n, counter++);
  if (count == 8) encrypt8(context);
  else encrypt4(context);
  v128.store(GCM_TAG_MASK, v128.load(AES_BLOCKS + 16 * (from - 1)));
  used = 128 - 16 * (count - from);
  memory.copy(GCM_STREAM + used, AES_BLOCKS + 16 * from, 128 - used);
}

/** The next block of key stream. */
// @ts-ignore: decorator
@inline
function stream(): v128 {
  if (used == 128) refill();
  const block = v128.load(GCM_STREAM + used);
  used += 16;
  return block;
}

function refill(): void {
  for (let n: usize = 0; n < 8; n++) counterBlock(n, counter++);
  encrypt8(context);
  memory.copy(GCM_STREAM, AES_BLOCKS, 128);
  used = 0;
}
