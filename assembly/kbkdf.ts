import * as hmac from "./hmac";
import { KBKDF_COUNTER } from "./memory";

/**
 * SP 800-108 §4.1, counter mode with HMAC-SHA-256, r = 32, of one block: after this the fixed input follows by
 * `hmac.update`, and `hmac.finish` answers K(1).
 */
export function start(key: usize, length: usize): void {
  hmac.start(key, length);
  store<u32>(KBKDF_COUNTER, bswap<u32>(1));
  hmac.update(KBKDF_COUNTER, 4);
}
