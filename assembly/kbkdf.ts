import * as hmac from "./hmac";
import { KBKDF_COUNTER } from "./memory";

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
