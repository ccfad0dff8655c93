import { encrypt as encryptBlocks } from "./aes";
import { expandAndEncrypt, keyExpansion } from "./aes-keys";
import * as sliced from "./aes-sliced";
import { equal, loadPartial } from "./constant-time";
import * as ghash from "./ghash";
import { GCM_KEY, GCM_STREAM, GCM_TAG_MASK, GHASH_Y } from "./memory";
import * as sm4 from "./sm4";
import { wipe } from "./wipe";

/*
 * SP 800-38D: AES-256-GCM, and SM4-GCM (RFC 8998), with IVs of 96 bits. One message at a time: start, authenticate the
 * additional data, then encrypt, or authenticate the ciphertext, verify and only then decrypt; finish. A part that is not
 * the last of its kind has a length that is a multiple of 16.
 *
 * A *key context* is 15 round keys of AES or 32 of SM4, up to 256 bytes, and power tables of H.
 */
export const TABLES_AT: usize = 256;

/** What aes-sliced.ts works on at once; less than that becomes key stream in GCM_STREAM first. */
const SLICED: usize = 256;
/** Blocks of key stream at a time: GCM_STREAM has room for them behind H and E(J0). */
const MOST_FILLED: usize = 16;
/** GHASH follows that many blocks behind the cipher, so that it finds them in the cache. */
const CHUNK: u32 = 512;

/** Of this message; otherwise AES-256. */
let isSm4: bool = false;
let context: usize = 0;
let powers: usize = 0;
let iv: usize = 0;
/** Of the next block that is not in the key stream yet. */
let counter: u32 = 0;
/** The key stream that is left in GCM_STREAM, and how far it has ever been filled. */
let next: usize = 0;
let end: usize = 0;
let filled: usize = 0;
/** The upper 24 bits of the counters that aes-sliced.ts is prepared for; -1: none. */
let prepared: i32 = -1;
let aadBytes: u64 = 0;
let dataBytes: u64 = 0;

/** Makes a key context that is kept, with `count` powers of H. */
export function keyContext(key: usize, target: usize, count: usize): void {
  keyExpansion(key, target);
  v128.store(GCM_STREAM, i64x2.splat(0));
  encryptBlocks(target, GCM_STREAM, 2);
  ghash.powerTables(v128.load(GCM_STREAM), target + TABLES_AT, count);
  wipe(GCM_STREAM, 32);
}

/** A message under a kept context. `iv` (12 bytes, 16 are read) must stay where it is until `finish`. */
export function startWith(keyContext: usize, count: usize, ivAt: usize): void {
  isSm4 = false;
  begin(keyContext, count, ivAt);
  fill(1, 3);
  ghash.start(context + TABLES_AT, powers);
}

/** A message under `key`, in the working context, with so many bytes of additional data and of plaintext. */
export function start(key: usize, ivAt: usize, aadLength: usize, length: usize): void {
  isSm4 = false;
  startWorking(key, ivAt, aadLength, length);
}

/** The same under a `key` of SM4. */
export function startSm4(key: usize, ivAt: usize, aadLength: usize, length: usize): void {
  isSm4 = true;
  startWorking(key, ivAt, aadLength, length);
}

function startWorking(key: usize, ivAt: usize, aadLength: usize, length: usize): void {
  begin(GCM_KEY, powersFor(((aadLength + 15) >> 4) + ((length + 15) >> 4) + 1), ivAt);
  // H and E(J0), §6.4 and §7.1 step 1, come with what bulk leaves over; one batch alone does not repay its preparation.
  const count = layCounters(2, ((length > SLICED ? length & (SLICED - 1) : length) + 15) >> 4);
  if (isSm4) {
    sm4.keyExpansion(key, GCM_KEY);
    sm4.encrypt(GCM_KEY, GCM_STREAM, count);
  } else {
    expandAndEncrypt(key, GCM_KEY, GCM_STREAM, count);
  }
  v128.store(GCM_TAG_MASK, v128.load(next - 16));
  ghash.powerTables(v128.load(GCM_STREAM), context + TABLES_AT, powers);
  ghash.start(context + TABLES_AT, powers);
}

/** The more blocks, the more powers pay for themselves. */
function powersFor(blocks: usize): usize {
  if (blocks <= 18) return min(blocks, 2);
  if (blocks <= 72) return 4;
  return blocks <= 300 ? 8 : 16;
}

// @ts-ignore: decorator
@inline
function begin(keyContext: usize, count: usize, ivAt: usize): void {
  context = keyContext;
  powers = count;
  iv = ivAt;
  aadBytes = 0;
  dataBytes = 0;
  prepared = -1;
  counter = 2;
  filled = 0;
}

export function authenticate(p: usize, length: usize): void {
  aadBytes += length;
  ghash.absorb(p, length);
}

export function authenticateCiphertext(p: usize, length: usize): void {
  dataBytes += length;
  ghash.absorb(p, length);
}

/** Encrypts and authenticates in place; zeros follow up to the next multiple of 16. */
export function encrypt(p: usize, length: usize): void {
  dataBytes += length;
  while (length > 0) {
    const position = counter - <u32>((end - next) >> 4);
    const part = min(length, (CHUNK - (position & (CHUNK - 1))) << 4);
    gctr(p, part);
    ghash.absorb(p, part);
    p += part;
    length -= part;
  }
}

/** GCTR, §6.5, in place. Zeros follow up to the next multiple of 16. */
export function gctr(p: usize, length: usize): void {
  while (length > 0) {
    if (next == end) {
      const left = 256 - (counter & 255);
      if (left >= 16 && length >= SLICED && !isSm4) {
        gctrSliced(p);
        p += SLICED;
        length -= SLICED;
        continue;
      }
      fill(0, min(min((length + 15) >> 4, left), MOST_FILLED));
    }
    const block = v128.xor(v128.load(p), v128.load(next));
    next += 16;
    v128.store(p, block);
    if (length < 16) {
      v128.store(p, loadPartial(p, length));
      return;
    }
    p += 16;
    length -= 16;
  }
}

/** The tag, 16 bytes: §7.1 steps 5 and 6. */
export function tag(target: usize): void {
  ghash.absorbBlock(lengths());
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
  if (context == GCM_KEY) wipe(GCM_KEY, TABLES_AT + powers * ghash.POWER_SIZE);
  if (prepared >= 0) sliced.wipe();
  ghash.wipe();
  wipe(GCM_STREAM, filled);
  v128.store(GCM_TAG_MASK, i64x2.splat(0));
}

/** [len(A)]64 ‖ [len(C)]64, in bits. */
// @ts-ignore: decorator
@inline
function lengths(): v128 {
  return i64x2.replace_lane(i64x2.splat(bswap<u64>(aadBytes << 3)), 1, bswap<u64>(dataBytes << 3));
}

// ── key stream

/**
 * Fills GCM_STREAM with `blocks` of key stream. What stands in front of it, `head` blocks, is E(J0), and before that H.
 */
function fill(head: usize, blocks: usize): void {
  const count = layCounters(head, blocks);
  if (isSm4) sm4.encrypt(context, GCM_STREAM, count);
  else encryptBlocks(context, GCM_STREAM, count);
  if (head > 0) v128.store(GCM_TAG_MASK, v128.load(next - 16));
}

/** What `fill` encrypts, and how many blocks that is. */
// @ts-ignore: decorator
@inline
function layCounters(head: usize, blocks: usize): usize {
  const count = head + blocks;
  next = GCM_STREAM + 16 * head;
  end = GCM_STREAM + 16 * count;
  if (head > 1) v128.store(GCM_STREAM, i64x2.splat(0));
  if (head > 0) v128.store(next - 16, counterBlock(1));
  for (let p = next; p < end; p += 16) v128.store(p, counterBlock(counter++));
  // Either cipher may have gone on to the end of four blocks.
  filled = max(filled, 16 * ((count + 3) & ~3));
  return count;
}

/** The next sixteen blocks of key stream, onto the bytes at `p`. */
function gctrSliced(p: usize): void {
  const upper = <i32>(counter >> 8);
  if (prepared < 0) sliced.keys(context);
  if (prepared != upper) sliced.constants(counterBlock(counter & ~255), context);
  prepared = upper;
  sliced.xorStream(counter, context, p);
  counter += 16;
}

/** IV ‖ count, §7.1 steps 2 and 3. */
// @ts-ignore: decorator
@inline
function counterBlock(count: u32): v128 {
  return i32x4.replace_lane(v128.load(iv), 3, bswap<u32>(count));
}
