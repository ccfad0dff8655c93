import { HMAC_KEY, HMAC_PAD } from "./memory";
import * as sha256 from "./sha256";

/*
 * FIPS 198-1: HMAC with SHA-256. One message at a time.
 */

export function start(key: usize, length: usize): void {
  memory.fill(HMAC_KEY, 0, 64);
  if (length > 64) {
    // §4 step 2: a long key is replaced by its hash
    sha256.start();
    sha256.update(key, length);
    sha256.finish(HMAC_KEY);
  } else {
    memory.copy(HMAC_KEY, key, length);
  }
  sha256.start();
  absorbPad(0x36);
}

export function update(p: usize, length: usize): void {
  sha256.update(p, length);
}

/** The MAC, 32 bytes; wipes everything. */
export function finish(target: usize): void {
  sha256.finish(target);
  sha256.start();
  absorbPad(0x5c);
  sha256.update(target, 32);
  sha256.finish(target);
  memory.fill(HMAC_KEY, 0, 64);
}

/** K0 ⊕ ipad or opad: steps 4 and 7 */
function absorbPad(byte: u8): void {
  const pad = i8x16.splat(byte);
  for (let offset: usize = 0; offset < 64; offset += 16) {
    v128.store(HMAC_PAD + offset, v128.xor(v128.load(HMAC_KEY + offset), pad));
  }
  sha256.update(HMAC_PAD, 64);
  memory.fill(HMAC_PAD, 0, 64);
}
