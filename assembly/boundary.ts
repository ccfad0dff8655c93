import { equal } from "./constant-time";
import * as drbg from "./ctr-drbg";
import * as gcm from "./gcm";
import * as hbk from "./hbk";
import * as hmac from "./hmac";
import * as keyWrap from "./key-wrap";
import {
  AAD, AAD2, CALL_KEY, DATA, FIXED_INPUT, HBK_NAME, KEY, MATERIAL, PLAINTEXT, RANDOM, TAG, TOKEN, TOKEN2,
} from "./memory";
import { FAULT, NOT_AUTHENTIC, OK, REFUSED } from "./status";
import * as token from "./token";

/*
 * The calls of src/engine/boundary.ts. Arguments stand in the windows, their lengths were checked by the host. Answers:
 * the length of the result, or a status. What a call opened it has wiped when it returns.
 */
const ENCRYPT_DECRYPT: u32 = 1;
const GENERATE_VERIFY_MAC: u32 = 3;
const INTERNAL: u32 = 0x10;

const SYMMETRIC: u32 = 1 << hbk.KMS_SYMMETRIC;
const RELEASED: u32 = (1 << hbk.RECORD) | (1 << hbk.INDEX);
const EXPOSED: u32 = (1 << hbk.KMS_PRIVATE) | (1 << hbk.KMS_HMAC);
/** With the keys that unwrap what is imported, outside as well. */
const COME_OUT: u32 = EXPOSED | (1 << hbk.IMPORT);
const MACS: u32 = (1 << hbk.KMS_HMAC) | (1 << hbk.SIGV4);
const ANY: u32 = 0x1fe;

// src/model/ciphertext.ts
const HEADER_LENGTH: usize = 62;
const OVERHEAD: usize = 78;
const HEADER: usize = DATA - HEADER_LENGTH;
const HBK_ID_AT: usize = 2;
const NONCE_AT: usize = 34;
const IV_AT: usize = 50;
/** N and IV. */
const FRESH: usize = 28;
/** Little-endian: the version is the first byte. */
const AES_SUITE: u16 = 0x0101;
const SM4_SUITE: u16 = 0x0301;

// ── key tokens

/** A token, in TOKEN, over `length` random bytes. */
export function generate(headLength: usize, length: usize): i32 {
  if (!token.isHead(TOKEN, headLength, ANY) || hbk.isExposed()) return REFUSED;
  drbg.draw(RANDOM, FRESH + length);
  token.setMaterial(RANDOM + FRESH, length);
  memory.fill(RANDOM + FRESH, 0, length);
  hbk.name();
  return sealNamed();
}

/** A token, in TOKEN, over `length` bytes of DATA. */
export function importMaterial(headLength: usize, length: usize): i32 {
  const taken = token.isHead(TOKEN, headLength, ANY) && !hbk.isExposed() && hbk.isTaken();
  if (taken) token.setMaterial(DATA, length);
  memory.fill(DATA, 0, length);
  if (!taken) return REFUSED;
  drbg.draw(RANDOM, FRESH);
  hbk.name();
  return sealNamed();
}

/** A token, in TOKEN, over `length` bytes of DATA that others compute with; AAD has what its name commits to. */
export function importExposed(headLength: usize, length: usize, commitmentLength: usize): i32 {
  const taken = token.isHead(TOKEN, headLength, EXPOSED) && hbk.isExposed();
  if (taken) token.setMaterial(DATA, length);
  memory.fill(DATA, 0, length);
  if (!taken) return REFUSED;
  drbg.draw(RANDOM, FRESH);
  hbk.nameBy(AAD, commitmentLength);
  return sealNamed();
}

/** The material of such a token, or of a key that unwraps what is imported, in MATERIAL. */
export function expose(length: usize, usage: u32): i32 {
  if (!token.readHead(TOKEN, length) || (!hbk.isExposed() && token.kind != hbk.IMPORT)) return REFUSED;
  return token.open(TOKEN, length, COME_OUT, usage) ? <i32>token.materialLength : REFUSED;
}

/** The token in TOKEN under the head in TOKEN2, which then is the whole token. */
export function rewrap(length: usize, headLength: usize): i32 {
  if (!token.open(TOKEN, length, ANY, 0)) return REFUSED;
  memory.copy(TAG, token.hbkId, 32);
  if (!token.isMoved(TOKEN, TOKEN2, headLength)) {
    token.wipeMaterial();
    return REFUSED;
  }
  // The name of exposed material is of what others make of it: the tag alone binds it.
  if (hbk.isExposed()) memory.copy(HBK_NAME, TAG, 32);
  else hbk.name();
  if (!equal(HBK_NAME, TAG, 32)) {
    token.wipeMaterial();
    return FAULT;
  }
  drbg.draw(RANDOM, FRESH);
  memory.copy(token.hbkId, HBK_NAME, 32);
  return token.seal(TOKEN2, RANDOM);
}

/** The material, in MATERIAL. */
export function release(length: usize): i32 {
  return token.open(TOKEN, length, RELEASED, INTERNAL) ? <i32>token.materialLength : REFUSED;
}

/** The material, wrapped under KEY, in DATA. */
export function wrapFor(length: usize): i32 {
  if (!token.open(TOKEN, length, ANY, 0)) return REFUSED;
  const materialLength = token.materialLength;
  memory.copy(DATA + 8, MATERIAL, materialLength);
  token.wipeMaterial();
  return <i32>keyWrap.wrap(KEY, DATA, materialLength);
}

/** A token, in TOKEN, over what `wrapFor` made, in DATA, if its HBK id is TAG's. */
export function unwrapFrom(headLength: usize, length: usize): i32 {
  if (!token.isHead(TOKEN, headLength, ANY) || hbk.isExposed()) return REFUSED;
  const materialLength = keyWrap.unwrap(KEY, DATA, length);
  if (materialLength < 0) return REFUSED;
  token.setMaterial(DATA + 8, materialLength);
  memory.fill(DATA, 0, length);
  hbk.name();
  if (!equal(HBK_NAME, TAG, 32)) {
    token.wipeMaterial();
    return REFUSED;
  }
  drbg.draw(RANDOM, FRESH);
  return sealNamed();
}

function sealNamed(): i32 {
  memory.copy(token.hbkId, HBK_NAME, 32);
  return token.seal(TOKEN, RANDOM);
}

// ── ciphertexts

/** The token of a key that encrypts, by AES-256 or by SM4. */
function openSymmetric(p: usize, length: usize): bool {
  if (!token.open(p, length, SYMMETRIC, ENCRYPT_DECRYPT)) return false;
  if (token.spec == hbk.SYMMETRIC_DEFAULT || token.spec == hbk.SM4) return true;
  token.wipeMaterial();
  return false;
}

/** `length` bytes of DATA become a ciphertext at DATA - 62. */
export function encrypt(tokenLength: usize, aadLength: usize, length: usize): i32 {
  if (!openSymmetric(TOKEN, tokenLength)) return REFUSED;
  drbg.draw(HEADER + NONCE_AT, FRESH);
  return sealData(AAD, aadLength, length);
}

/** The same of `length` random bytes, which are at PLAINTEXT when `kept`. */
export function encryptRandom(tokenLength: usize, aadLength: usize, length: usize, kept: bool): i32 {
  if (!openSymmetric(TOKEN, tokenLength)) return REFUSED;
  drbg.draw(RANDOM, FRESH + length);
  memory.copy(HEADER + NONCE_AT, RANDOM, FRESH);
  memory.copy(DATA, RANDOM + FRESH, length);
  memory.fill(RANDOM, 0, FRESH + length);
  if (kept) memory.copy(PLAINTEXT, DATA, length);
  return sealData(AAD, aadLength, length);
}

/** The plaintext, in DATA, of the ciphertext of `length` bytes at DATA - 62. */
export function decrypt(tokenLength: usize, aadLength: usize, length: usize): i32 {
  if (!openSymmetric(TOKEN, tokenLength)) return REFUSED;
  return openData(aadLength, length);
}

/** The ciphertext at DATA - 62, of TOKEN, becomes one of TOKEN2. */
export function reEncrypt(
  tokenLength: usize, aadLength: usize, length: usize, destinationLength: usize, destinationAadLength: usize,
): i32 {
  const opened = decrypt(tokenLength, aadLength, length);
  if (opened < 0) return opened;
  if (!openSymmetric(TOKEN2, destinationLength)) {
    memory.fill(DATA, 0, opened);
    return REFUSED;
  }
  drbg.draw(HEADER + NONCE_AT, FRESH);
  return sealData(AAD2, destinationAadLength, opened);
}

/** DATA under the token that is open, with the nonce and IV that stand in the header. */
function sealData(aad: usize, aadLength: usize, length: usize): i32 {
  nameHbk(HEADER);
  startMessage(aad, aadLength, length);
  gcm.encrypt(DATA, length);
  gcm.tag(DATA + length);
  finishMessage();
  return <i32>(OVERHEAD + length);
}

function openData(aadLength: usize, length: usize): i32 {
  const plaintextLength = length - OVERHEAD;
  nameHbk(FIXED_INPUT);
  if (!equal(HEADER, FIXED_INPUT, NONCE_AT)) {
    token.wipeMaterial();
    return NOT_AUTHENTIC;
  }
  startMessage(AAD, aadLength, plaintextLength);
  gcm.authenticateCiphertext(DATA, plaintextLength);
  const authentic = gcm.verify(DATA + plaintextLength);
  if (authentic) gcm.gctr(DATA, plaintextLength);
  finishMessage();
  return authentic ? <i32>plaintextLength : NOT_AUTHENTIC;
}

/** Version, suite and HBK id: how a header of the token that is open begins. */
function nameHbk(header: usize): void {
  store<u16>(header, token.spec == hbk.SM4 ? SM4_SUITE : AES_SUITE);
  memory.copy(header + HBK_ID_AT, token.hbkId, 32);
}

/** Derives the call's key; the additional data is the header, put before what the host wrote. */
function startMessage(aad: usize, aadLength: usize, length: usize): void {
  hbk.callKey(HEADER + NONCE_AT);
  memory.copy(aad, HEADER, HEADER_LENGTH);
  if (token.spec == hbk.SM4) gcm.startSm4(CALL_KEY, HEADER + IV_AT, HEADER_LENGTH + aadLength, length);
  else gcm.start(CALL_KEY, HEADER + IV_AT, HEADER_LENGTH + aadLength, length);
  gcm.authenticate(aad, HEADER_LENGTH + aadLength);
}

function finishMessage(): void {
  gcm.finish();
  memory.fill(CALL_KEY, 0, 32);
}

// ── MACs

/** 00000001 ‖ "SR1-". The same bytes may be a symmetric key elsewhere, and the MAC of such a message a key derived from it. */
const KEY_DERIVATION = memory.data<u8>([0, 0, 0, 1, 0x53, 0x52, 0x31, 0x2d]);

/** Starts an HMAC by the token's material. DATA has the first `length` bytes of the message; HMAC's own calls follow. */
export function macStart(tokenLength: usize, length: usize): i32 {
  if (!token.readHead(TOKEN, tokenLength) || hbk.isExposed()) return REFUSED;
  const usage = token.kind == hbk.SIGV4 ? INTERNAL : GENERATE_VERIFY_MAC;
  if (!token.open(TOKEN, tokenLength, MACS, usage)) return REFUSED;
  if (length >= 8 && equal(DATA, KEY_DERIVATION, 8)) {
    token.wipeMaterial();
    return REFUSED;
  }
  hmac.start(MATERIAL, token.materialLength);
  token.wipeMaterial();
  return OK;
}
