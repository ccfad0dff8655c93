import { HMAC_KEY, HMAC_MIDSTATES } from "./memory";
import * as sha256 from "./sha256";
import { wipe } from "./wipe";

/*
 * FIPS 198-1: HMAC with SHA-256. One message at a time. What a key contributes are its *midstates*: the chaining values
 * behind K0 ⊕ ipad and K0 ⊕ opad, 32 bytes each. Kept, they spare half of the work for a short message.
 */
export const MIDSTATES_SIZE: usize = 64;

let midstates: usize = 0;

export function start(key: usize, length: usize): void {
  computeMidstates(key, length, HMAC_MIDSTATES);
  startWith(HMAC_MIDSTATES);
}

/** By midstates that must stay where they are until `finish`. */
export function startWith(keptMidstates: usize): void {
  midstates = keptMidstates;
  sha256.startFrom(midstates, 64);
}

export function update(p: usize, length: usize): void {
  sha256.update(p, length);
}

/** The MAC, 32 bytes; wipes everything but midstates that are kept. */
export function finish(target: usize): void {
  sha256.finish(target);
  sha256.startFrom(midstates + 32, 64);
  sha256.update(target, 32);
  sha256.finish(target);
  if (midstates == HMAC_MIDSTATES) wipe(HMAC_MIDSTATES, MIDSTATES_SIZE);
}

/** §4, steps 1 to 4 and 7, as far as they concern the key alone. */
export function computeMidstates(key: usize, length: usize, target: usize): void {
  memory.fill(HMAC_KEY, 0, 64);
  if (length > 64) {
    sha256.start();
    sha256.update(key, length);
    sha256.finish(HMAC_KEY);
  } else {
    memory.copy(HMAC_KEY, key, length);
  }
  absorbKey(0x36, target);
  absorbKey(0x36 ^ 0x5c, target + 32);
  wipe(HMAC_KEY, 64);
}

/** The chaining value behind HMAC_KEY ⊕ `pad`, which it is from then on. */
function absorbKey(pad: u8, target: usize): void {
  for (let part = HMAC_KEY; part < HMAC_KEY + 64; part += 16) {
    v128.store(part, v128.xor(v128.load(part), i8x16.splat(pad)));
  }
  sha256.start();
  sha256.update(HMAC_KEY, 64);
  sha256.finishMidstate(target);
}
