import * as hmac from "./hmac";
import * as kbkdf from "./kbkdf";
import { CALL_KEY, FIXED_INPUT, HBK_NAME, MATERIAL, ZEROS } from "./memory";
import * as sha256 from "./sha256";
import * as token from "./token";

/*
 * What is derived from the material of the token that is open: its name, and the key of one call.
 */

// src/model/hbk.ts
export const KMS_SYMMETRIC: u32 = 1;
export const KMS_HMAC: u32 = 2;
export const KMS_PRIVATE: u32 = 3;
export const RECORD: u32 = 4;
export const SIGV4: u32 = 5;
export const AUDIT: u32 = 6;
export const IMPORT: u32 = 7;
export const INDEX: u32 = 8;

/** src/model/hbk.ts; of kind KMS_SYMMETRIC the first and the last. */
export const SYMMETRIC_DEFAULT: u32 = 1;
const HMAC_256: u32 = 11;
export const SM4: u32 = 0x80;

/** src/model/key-spec.ts */
const EXTERNAL: u32 = 2;

const LABEL_LENGTH: usize = 11;
const ENCRYPT = memory.data<u8>([0x53, 0x52, 0x31, 0x2d, 0x65, 0x6e, 0x63, 0x72, 0x79, 0x70, 0x74]);
const SM4_GCM = memory.data<u8>([0x53, 0x52, 0x31, 0x2d, 0x73, 0x6d, 0x34, 0x2d, 0x67, 0x63, 0x6d]);
const KEYNAME = memory.data<u8>([0x53, 0x52, 0x31, 0x2d, 0x6b, 0x65, 0x79, 0x6e, 0x61, 0x6d, 0x65]);

/** Whether the token's material is none of the keys that are computed with in here: `isExposed` of src/model/hbk.ts. */
export function isExposed(): bool {
  return token.kind == KMS_PRIVATE || (token.kind == KMS_HMAC && token.spec != HMAC_256);
}

/** Whether the host may put the material in: symmetric KMS keys come in the clear only where their token says so. */
export function isTaken(): bool {
  return token.kind != KMS_SYMMETRIC || token.origin == EXTERNAL;
}

/** The HBK id, into HBK_NAME. */
export function name(): void {
  if (token.kind == KMS_HMAC || token.kind == SIGV4) nameByHmac();
  else derive(KEYNAME, ZEROS, 256, HBK_NAME);
}

/** K of a ciphertext with the nonce at `nonce`, into CALL_KEY; of SM4 the first half of that. The material is wiped. */
export function callKey(nonce: usize): void {
  if (token.spec == SM4) derive(SM4_GCM, nonce, 128, CALL_KEY);
  else derive(ENCRYPT, nonce, 256, CALL_KEY);
  token.wipeMaterial();
}

/** KBKDF of `label ‖ 00 ‖ key id ‖ nonce ‖ L`: src/model/kbkdf.ts. */
function derive(label: usize, nonce: usize, bits: u32, target: usize): void {
  memory.copy(FIXED_INPUT, label, LABEL_LENGTH);
  store<u8>(FIXED_INPUT, 0, 11);
  memory.copy(FIXED_INPUT + 12, token.keyId, 16);
  memory.copy(FIXED_INPUT + 28, nonce, 16);
  store<u32>(FIXED_INPUT, bswap<u32>(bits), 44);
  kbkdf.start(MATERIAL, token.materialLength);
  hmac.update(FIXED_INPUT, 48);
  hmac.finish(target);
}

/** SHA-256(label ‖ key id ‖ HMAC(material, 4,097 zeros)): one byte more than GenerateMac takes, so it is no oracle. */
function nameByHmac(): void {
  hmac.start(MATERIAL, token.materialLength);
  for (let i = 0; i < 64; i++) hmac.update(ZEROS, 64);
  hmac.update(ZEROS, 1);
  hmac.finish(HBK_NAME);
  nameBy(HBK_NAME, 32);
}

/** SHA-256(label ‖ key id ‖ commitment), into HBK_NAME. */
export function nameBy(commitment: usize, length: usize): void {
  sha256.start();
  sha256.update(KEYNAME, LABEL_LENGTH);
  sha256.update(token.keyId, 16);
  sha256.update(commitment, length);
  sha256.finish(HBK_NAME);
}
