import { equal } from "./constant-time";
import * as domainKeys from "./domain-keys";
import * as gcm from "./gcm";
import { MATERIAL, MATERIAL_SIZE } from "./memory";

/*
 * Key tokens of suite 1 (layout: src/model/ekt.ts): `head ‖ HBK id 32 ‖ u16 length ‖ IV 12 ‖ ciphertext ‖ tag 16`,
 * AES-256-GCM under a domain key, bound to every byte before the IV. All but the ciphertext is public.
 */
const IV_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/** HBK id and length. */
const NAME_LENGTH: usize = 34;
const MOST_KINDS: u32 = 8;

/** Of the head that was read last, and of what follows it. */
export let kind: u32 = 0;
export let spec: u32 = 0;
export let usage: u32 = 0;
export let origin: u32 = 0;
let accountLength: usize = 0;
export let keyId: usize = 0;
export let hbkId: usize = 0;
/** Of the material at MATERIAL. */
export let materialLength: usize = 0;

let domainKey: usize = 0;
let sealedLength: usize = 0;

/**
 * Whether `length` bytes at `p` begin with a head of suite 1 under a domain key that is held. The only function that
 * decides by what it reads in the memory, and all it reads is public.
 */
export function readHead(p: usize, length: usize): bool {
  if (length < 40) return false;
  // version 1, suite 1, no MAC key
  if (load<u16>(p) != 0x0101 || v128.any_true(v128.load(p, 18))) return false;
  kind = load<u8>(p, 34);
  spec = load<u8>(p, 35);
  usage = load<u8>(p, 36);
  origin = load<u8>(p, 37);
  accountLength = <usize>load<u8>(p, 38);
  const region: usize = 39 + accountLength;
  if (kind == 0 || kind > MOST_KINDS || region >= length) return false;
  const end = region + 1 + <usize>load<u8>(p + region) + 16;
  if (end > length) return false;
  keyId = p + end - 16;
  hbkId = p + end;
  sealedLength = end + NAME_LENGTH <= length ? bswap<u16>(load<u16>(hbkId, 32)) : 0;
  domainKey = domainKeys.find(p + 2);
  return domainKey != 0;
}

/** A head of exactly `length` bytes, of one of `kinds` (a bit each). */
export function isHead(p: usize, length: usize, kinds: u32): bool {
  return readHead(p, length) && hbkId == p + length && (kinds >> kind & 1) == 1;
}

/**
 * Whether the head of exactly `length` bytes at `q` differs from the one at `p`, which was read last, in domain key and
 * region alone. Then it is the one that was read last.
 */
export function isMoved(p: usize, q: usize, length: usize): bool {
  const account = accountLength;
  const id = keyId;
  return isHead(q, length, 1 << kind) && accountLength == account &&
    equal(p + 34, q + 34, 5 + account) && equal(id, keyId, 16);
}

/** The same as `isHead`, of a whole token with `usage`; 0 stands for any. */
function isToken(p: usize, length: usize, kinds: u32, wanted: u32): bool {
  if (!readHead(p, length) || !(kinds >> kind & 1)) return false;
  if (wanted && usage != wanted) return false;
  if (sealedLength <= IV_LENGTH || sealedLength > IV_LENGTH + MATERIAL_SIZE) return false;
  return hbkId + NAME_LENGTH + sealedLength + TAG_LENGTH == p + length;
}

/** Authenticates a token, then its material is at MATERIAL. Whoever opens, wipes. */
export function open(p: usize, length: usize, kinds: u32, wanted: u32): bool {
  if (!isToken(p, length, kinds, wanted)) return false;
  const iv = hbkId + NAME_LENGTH;
  const ciphertext = iv + IV_LENGTH;
  materialLength = sealedLength - IV_LENGTH;
  domainKeys.startGcm(domainKey, iv);
  gcm.authenticate(p, iv - p);
  gcm.authenticateCiphertext(ciphertext, materialLength);
  const authentic = gcm.verify(ciphertext + materialLength);
  if (authentic) {
    memory.copy(MATERIAL, ciphertext, materialLength);
    gcm.gctr(MATERIAL, materialLength);
  }
  gcm.finish();
  return authentic;
}

/** The token of the head at `p` that was read last, HBK id in place, over MATERIAL, which is wiped. Its length. */
export function seal(p: usize, iv: usize): i32 {
  const target = hbkId + NAME_LENGTH;
  const ciphertext = target + IV_LENGTH;
  store<u16>(hbkId, bswap<u16>(<u16>(IV_LENGTH + materialLength)), 32);
  memory.copy(target, iv, IV_LENGTH);
  memory.copy(ciphertext, MATERIAL, materialLength);
  domainKeys.startGcm(domainKey, target);
  gcm.authenticate(p, target - p);
  gcm.encrypt(ciphertext, materialLength);
  gcm.tag(ciphertext + materialLength);
  gcm.finish();
  const end = ciphertext + materialLength + TAG_LENGTH;
  wipeMaterial();
  return <i32>(end - p);
}

export function setMaterial(p: usize, length: usize): void {
  memory.copy(MATERIAL, p, length);
  materialLength = length;
}

export function wipeMaterial(): void {
  memory.fill(MATERIAL, 0, materialLength + 16);
  materialLength = 0;
}
