import * as gcm from "./gcm";
import * as hmac from "./hmac";
import * as kbkdf from "./kbkdf";
import { CALL_KEY, CALL_KEYS, DERIVERS, IV, KEY } from "./memory";
import { wipe } from "./wipe";

/*
 * Keys from which the key of each message is derived. Kept are their midstates, in slots that the host allots.
 */
export const DERIVER_SLOTS: i32 = 512;

/** The key at KEY, 32 bytes, which is wiped. */
export function open(slot: usize): void {
  hmac.computeMidstates(KEY, 32, midstates(slot));
  wipe(KEY, 32);
}

/** Starts a GCM message under the key that is derived from `slot` and from `fixedLength` bytes at FIXED. */
export function start(slot: usize, fixedLength: usize, aadLength: usize, length: usize): void {
  kbkdf.derive(midstates(slot), fixedLength, CALL_KEY);
  gcm.start(CALL_KEY, IV, aadLength, length);
  wipe(CALL_KEY, 32);
}

/** Derives the keys of four messages, from fixed inputs of the same length in KBKDF_BLOCKS; each is to be started once. */
export function deriveFour(slot: usize, fixedLength: usize): void {
  kbkdf.deriveFour(midstates(slot), fixedLength, CALL_KEYS);
}

/** Starts the GCM message `index` of the four. */
export function startOfFour(index: usize, aadLength: usize, length: usize): void {
  const key = CALL_KEYS + 32 * index;
  gcm.start(key, IV, aadLength, length);
  wipe(key, 32);
}

export function close(slot: usize): void {
  wipe(midstates(slot), hmac.MIDSTATES_SIZE);
}

// @ts-ignore: decorator
@inline
function midstates(slot: usize): usize {
  return DERIVERS + slot * hmac.MIDSTATES_SIZE;
}
