/*
 * What the host calls (src/engine/wasm/core.ts). It writes arguments into the windows of memory.ts and reads results there.
 */
import { computeAesTables } from "./aes-tables";
import { computeTails } from "./constant-time";
import { computeGhashTables } from "./ghash";
import { MEMORY_END, STATIC_END, TABLES_SCRATCH } from "./memory";
import { computeSm4Tables } from "./sm4-tables";

export {
  AAD, AAD2, CALL_KEYS, DATA, DATA_SIZE, ENTROPY, FIXED, ID, IV, KBKDF_BLOCKS, KEY, MATERIAL, PERSONALIZATION, PLAINTEXT,
  TAG, TOKEN, TOKEN2,
} from "./memory";
export { equal } from "./constant-time";
export { start as sha256Start, update as sha256Update, finish as sha256Finish } from "./sha256";
export { start as hmacStart, update as hmacUpdate, finish as hmacFinish } from "./hmac";
export { LONGEST_IN_BLOCK, start as kbkdfStart } from "./kbkdf";
export {
  DERIVER_SLOTS, open as openDeriver, start as startDerived, deriveFour, startOfFour, close as closeDeriver,
} from "./derivers";
export { start as gcmStart, startSm4 as gcmStartSm4, seal as gcmSeal, open as gcmOpen } from "./message";
export {
  authenticate as gcmAuthenticate, authenticateCiphertext as gcmAuthenticateCiphertext, encrypt as gcmEncrypt,
  gctr as gcmDecrypt, tag as gcmTag, verify as gcmVerify, finish as gcmFinish,
} from "./gcm";
export { wrap as keyWrap, unwrap as keyUnwrap } from "./key-wrap";
export {
  instantiate as drbgInstantiate, reseed as drbgReseed, generate as drbgGenerate, draw as drbgDraw,
} from "./ctr-drbg";
export {
  setRoot, generate as generateDomainKey, seal as sealDomainKey, open as openDomainKey, drop as dropDomainKey,
} from "./domain-keys";
export {
  generate, importMaterial, importExposed, expose, rewrap, release, wrapFor, unwrapFrom, encrypt, encryptRandom, decrypt,
  reEncrypt, macStart,
} from "./boundary";

if (__heap_base > STATIC_END) unreachable();
computeAesTables();
computeSm4Tables();
computeGhashTables();
computeTails();

/** Everything but the public tables. */
export function wipe(): void {
  memory.fill(TABLES_SCRATCH, 0, MEMORY_END - TABLES_SCRATCH);
}
