import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Bytes, hex } from "../../base/bytes.ts";
import { ConfigError } from "../../base/errors.ts";

/**
 * What native/ exports. Every function answers a length, or a status of status.ts, and throws nothing; `target` is where
 * its result goes, of the length that the result has, and overlaps no other argument.
 */
export interface Addon {
  sha256(message: Bytes, target: Bytes): number;
  hmacSha256(key: Bytes, message: Bytes, target: Bytes): number;
  kbkdf(key: Bytes, fixedInput: Bytes, target: Bytes): number;
  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, target: Bytes): number;
  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, target: Bytes): number;
  /** 1 or 0. */
  hasSm4(): number;
  sm4GcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, target: Bytes): number;
  sm4GcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, target: Bytes): number;
  kwpWrap(kek: Bytes, material: Bytes, target: Bytes): number;
  /** `target`: 8 bytes shorter than `wrapped`; the material is its beginning. */
  kwpUnwrap(kek: Bytes, wrapped: Bytes, target: Bytes): number;
  /** 1 or 0, of two arrays of one length. */
  equal(a: Bytes, b: Bytes): number;

  /** From now on /proc/PID belongs to root, and the process leaves no core files (prctl(2), PR_SET_DUMPABLE). */
  protectProcess(): number;
  /** 1 when all memory for secrets so far could be locked, 0 when RLIMIT_MEMLOCK forbade it. */
  lockedMemory(): number;

  /** For signatures and SM2, `target` has room for the longest result. */
  signDigest(scheme: number, hashBits: number, pkcs8: Bytes, digest: Bytes, target: Bytes): number;
  verifyDigest(scheme: number, hashBits: number, spki: Bytes, digest: Bytes, signature: Bytes): number;
  sm2Sign(pkcs8: Bytes, message: Bytes, target: Bytes): number;
  sm2Verify(spki: Bytes, message: Bytes, signature: Bytes): number;
  sm2Encrypt(spki: Bytes, plaintext: Bytes, target: Bytes): number;
  sm2Decrypt(pkcs8: Bytes, ciphertext: Bytes, target: Bytes): number;
  sm2Agree(pkcs8: Bytes, spki: Bytes, target: Bytes): number;

  readonly Deriver: new () => DeriverState;
  readonly Drbg: new () => DrbgState;
  readonly Boundary: new () => BoundaryState;
  readonly Cryptoki: new () => CryptokiState;
  readonly SessionPool: new () => SessionPoolState;
}

export interface DeriverState {
  start(hbk: Bytes): number;
  seal(fixedInput: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, target: Bytes): number;
  open(fixedInput: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, target: Bytes): number;
  close(): number;
}

export interface DrbgState {
  instantiate(entropy: Bytes, personalization: Bytes): number;
  reseed(entropy: Bytes, additionalInput: Bytes): number;
  generate(additionalInput: Bytes, target: Bytes): number;
  uninstantiate(): number;
}

/** The calls of boundary.ts, one to one. */
export interface BoundaryState {
  /** `device`: the path of the random generator, ending in 0. */
  open(device: Bytes, personalization: Bytes): number;
  close(): number;
  setRoot(key: Bytes): number;
  generateDomainKey(id: Bytes): number;
  sealDomainKey(id: Bytes, target: Bytes): number;
  openDomainKey(id: Bytes, sealed: Bytes): number;
  dropDomainKey(id: Bytes): number;
  generate(head: Bytes, length: number, target: Bytes): number;
  import(head: Bytes, material: Bytes, target: Bytes): number;
  importExposed(head: Bytes, commitment: Bytes, material: Bytes, target: Bytes): number;
  expose(ekt: Bytes, usage: number, target: Bytes): number;
  rewrap(ekt: Bytes, head: Bytes, target: Bytes): number;
  release(ekt: Bytes, target: Bytes): number;
  wrapFor(ekt: Bytes, transportKey: Bytes, target: Bytes): number;
  /** A longer target is taken, too. */
  unwrapFrom(head: Bytes, hbkId: Bytes, transportKey: Bytes, wrapped: Bytes, target: Bytes): number;
  encrypt(ekt: Bytes, aad: Bytes, plaintext: Bytes, target: Bytes): number;
  /** `target` is empty for what is too short or too long to be a ciphertext; `reEncrypt` likewise. */
  decrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes, target: Bytes): number;
  /** `plaintext`: a target, too; empty when nobody wants it. */
  generateDataKey(ekt: Bytes, aad: Bytes, length: number, plaintext: Bytes, target: Bytes): number;
  reEncrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes, ekt2: Bytes, aad2: Bytes, target: Bytes): number;
  mac(ekt: Bytes, message: Bytes, target: Bytes): number;
  random(target: Bytes): number;
}

/**
 * A PKCS#11 module: hsm/pkcs11/cryptoki/native-cryptoki.ts. Sessions and objects are the 8 octets that pkcs11js gives;
 * templates and mechanisms are laid out in native/cryptoki-arguments.h. The beginning of `target` is the CK_RV, 8
 * octets; then comes the new object, or what was wrapped.
 */
export interface CryptokiState {
  /** The path, ending in 0, of a module that the process has loaded. */
  open(path: Bytes): number;
  createObject(session: Bytes, template: Bytes, target: Bytes): number;
  generateKey(session: Bytes, mechanism: Bytes, template: Bytes, target: Bytes): number;
  deriveKey(session: Bytes, mechanism: Bytes, base: Bytes, template: Bytes, target: Bytes): number;
  unwrapKey(session: Bytes, mechanism: Bytes, by: Bytes, wrapped: Bytes, template: Bytes, target: Bytes): number;
  wrapKey(session: Bytes, mechanism: Bytes, by: Bytes, key: Bytes, target: Bytes): number;
  /** (major version 1 ‖ minor version 1 ‖ length 1 ‖ name)*, of as many as `target` has room for. */
  interfaces(target: Bytes): number;
}

const built = join(import.meta.dirname, "../../../build/native/strongroom.node");

/**
 * Sessions with threads: hsm/pkcs11/cryptoki/session-pool.ts. `job` is the caller's number of a job, and `identity` the HBK
 * id 32 ‖ the key id 16 ‖ the suite 1. What makes a job answers OK; the job's own answer comes by `collect`.
 */
export interface SessionPoolState {
  /** `done` is called when there are answers to collect. Answers how many of the `sessions` the module opened. */
  open(
    path: Bytes,
    slot: Bytes,
    sessions: number,
    device: Bytes,
    personalization: Bytes,
    boundary: number,
    template: Bytes,
    done: () => void,
  ): number;
  /** Waits for the jobs that are being done. */
  close(): number;
  seal(job: number, hbk: Bytes, identity: Bytes, aad: Bytes, plaintext: Bytes): number;
  unseal(job: number, hbk: Bytes, identity: Bytes, aad: Bytes, ciphertext: Bytes): number;
  dataKey(job: number, hbk: Bytes, identity: Bytes, aad: Bytes, length: number, wanted: number): number;
  reEncrypt(
    job: number,
    hbk: Bytes,
    identity: Bytes,
    aad: Bytes,
    ciphertext: Bytes,
    hbk2: Bytes,
    identity2: Bytes,
    aad2: Bytes,
  ): number;
  sign(job: number, key: Bytes, mechanism: Bytes, data: Bytes): number;
  decrypt(job: number, key: Bytes, mechanism: Bytes, data: Bytes): number;
  random(job: number, length: number): number;
  /** How long a target takes all answers that are there. */
  finished(): number;
  /** (job 4 ‖ status 4 ‖ CK_RV 8 ‖ function 4 ‖ length 4 ‖ answer, padded to a multiple of 8)*, little-endian. */
  collect(target: Bytes): number;
  /** Milliseconds that the longest job has been done for. */
  longest(): number;
}

/** Whether there was a C compiler when scripts/build ran. */
export const isBuilt = (path = built): boolean => existsSync(path);

/** Throws a ConfigError when the addon has not been built, or is not the one that was. */
export function load(path = built): Addon {
  if (!isBuilt(path)) {
    throw new ConfigError("the native engine has not been built: scripts/build does where there is a C compiler");
  }
  const digest = hex(createHash("sha256").update(readFileSync(path)).digest());
  if (digest !== readFileSync(`${path}.sha256`, "latin1").trim()) {
    throw new ConfigError(`${path} is not what scripts/build made: run it again`);
  }
  return createRequire(import.meta.url)(path) as Addon;
}
