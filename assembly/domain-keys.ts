import { equal } from "./constant-time";
import * as drbg from "./ctr-drbg";
import * as gcm from "./gcm";
import { DATA, DOMAIN_KEYS, DOMAIN_KEY_SIZE, FIXED_INPUT, ID, KEY, ROOT } from "./memory";
import { FAULT, FULL, NOT_AUTHENTIC, OK, REFUSED } from "./status";

/*
 * The root and the domain keys. Which slots are held is public. A domain key at rest is `IV 12 ‖ ciphertext 32 ‖ tag 16`,
 * AES-256-GCM under the root, bound to "SR1-domains" ‖ id.
 */
const SLOTS: u32 = 32;
const KEY_AT: usize = 16;
const CONTEXT_AT: usize = 64;
/** Powers of H kept per key: a token has about ten blocks. */
const POWERS: usize = 4;

const LABEL = memory.data<u8>([0x53, 0x52, 0x31, 0x2d, 0x64, 0x6f, 0x6d, 0x61, 0x69, 0x6e, 0x73]);
const BINDING_LENGTH: usize = 27;

let rootIsSet: bool = false;
let held: u32 = 0;

/** The root from KEY. Once. */
export function setRoot(): i32 {
  if (rootIsSet) return FAULT;
  memory.copy(ROOT + KEY_AT, KEY, 32);
  memory.fill(KEY, 0, 32);
  gcm.keyContext(ROOT + KEY_AT, ROOT + CONTEXT_AT, POWERS);
  rootIsSet = true;
  return OK;
}

/** The slot of the domain key whose id is at `id`; 0 when there is none. */
export function find(id: usize): usize {
  for (let i: u32 = 0; i < SLOTS; i++) {
    const slot = DOMAIN_KEYS + <usize>i * DOMAIN_KEY_SIZE;
    if ((held >> i) & 1 && equal(slot, id, 16)) return slot;
  }
  return 0;
}

/** Starts a GCM message under the key of `slot`. */
export function startGcm(slot: usize, iv: usize): void {
  gcm.startWith(slot + CONTEXT_AT, POWERS, iv);
}

/** Makes the domain key of ID; takes the place of one that is held. */
export function generate(): i32 {
  const slot = reserve();
  if (!slot) return FULL;
  drbg.draw(slot + KEY_AT, 32);
  gcm.keyContext(slot + KEY_AT, slot + CONTEXT_AT, POWERS);
  return OK;
}

/** The domain key of ID, sealed, into DATA. */
export function seal(): i32 {
  if (!rootIsSet) return FAULT;
  const slot = find(ID);
  if (!slot) return REFUSED;
  drbg.draw(DATA, 12);
  memory.copy(DATA + 12, slot + KEY_AT, 32);
  startBound();
  gcm.encrypt(DATA + 12, 32);
  gcm.tag(DATA + 44);
  gcm.finish();
  return 60;
}

/** The domain key of ID from DATA; takes the place of one that is held. */
export function open(): i32 {
  if (!rootIsSet) return FAULT;
  startBound();
  gcm.authenticateCiphertext(DATA + 12, 32);
  const authentic = gcm.verify(DATA + 44);
  if (authentic) gcm.gctr(DATA + 12, 32);
  gcm.finish();
  if (!authentic) return NOT_AUTHENTIC;
  const slot = reserve();
  if (slot) {
    memory.copy(slot + KEY_AT, DATA + 12, 32);
    gcm.keyContext(slot + KEY_AT, slot + CONTEXT_AT, POWERS);
  }
  memory.fill(DATA + 12, 0, 32);
  return slot ? OK : FULL;
}

export function drop(): void {
  const slot = find(ID);
  if (!slot) return;
  held &= ~(<u32>1 << <u32>((slot - DOMAIN_KEYS) / DOMAIN_KEY_SIZE));
  memory.fill(slot, 0, DOMAIN_KEY_SIZE);
}

/** The slot of ID, or a free one that is given to it; 0 when all are held. */
function reserve(): usize {
  const present = find(ID);
  if (present) return present;
  if (held == u32.MAX_VALUE) return 0;
  const index = ctz(~held);
  held |= <u32>1 << index;
  const slot = DOMAIN_KEYS + <usize>index * DOMAIN_KEY_SIZE;
  memory.copy(slot, ID, 16);
  return slot;
}

/** A GCM message under the root with the IV at DATA, its binding authenticated. */
function startBound(): void {
  memory.copy(FIXED_INPUT, LABEL, 11);
  memory.copy(FIXED_INPUT + 11, ID, 16);
  gcm.startWith(ROOT + CONTEXT_AT, POWERS, DATA);
  gcm.authenticate(FIXED_INPUT, BINDING_LENGTH);
}
