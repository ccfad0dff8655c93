import * as hmac from "./hmac";
import { KBKDF_BLOCKS, KBKDF_COUNTER } from "./memory";
import * as lanes from "./sha256-lanes";
import { wipe } from "./wipe";

/*
 * SP 800-108 §4.1, counter mode with HMAC-SHA-256, r = 32, of one block.
 */

/** After this the fixed input follows by `hmac.update`, and `hmac.finish` answers K(1). */
export function start(key: usize, length: usize): void {
  hmac.start(key, length);
  store<u32>(KBKDF_COUNTER, bswap<u32>(1));
  hmac.update(KBKDF_COUNTER, 4);
}

/** K(1) by midstates that are kept, of the `length` bytes that follow KBKDF_COUNTER. */
export function derive(midstates: usize, length: usize, target: usize): void {
  store<u32>(KBKDF_COUNTER, bswap<u32>(1));
  hmac.startWith(midstates);
  hmac.update(KBKDF_COUNTER, 4 + length);
  hmac.finish(target);
}

/** Fixed input that leaves room in one block for the counter and for what SHA-256 appends. */
export const LONGEST_IN_BLOCK: i32 = 51;

/** Four K(1), 32 bytes each, of `length` bytes behind the counters in KBKDF_BLOCKS, which are wiped. */
export function deriveFour(midstates: usize, length: usize, target: usize): void {
  for (let block = KBKDF_BLOCKS; block < KBKDF_BLOCKS + 256; block += 64) {
    store<u32>(block, bswap<u32>(1));
    store<u8>(block + 4 + length, 0x80);
    store<u64>(block, bswap<u64>((64 + 4 + length) << 3), 56);
  }
  lanes.startFrom(midstates);
  lanes.absorb(KBKDF_BLOCKS);
  lanes.absorbState(midstates + 32, 64 + 32);
  lanes.digests(target);
  lanes.wipe();
  wipe(KBKDF_BLOCKS, 256);
}
