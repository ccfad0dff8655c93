import type { Bytes } from "../../base/bytes.ts";
import { secret } from "../../base/secret.ts";
import { newAnswer } from "../answer.ts";
import { assertLength, gcmTagLength } from "../lengths.ts";
import type { Core } from "./core.ts";

/*
 * AES-256-GCM messages of any length through the windows of a core. Each is started by whoever has its key, once `assert…`
 * has found nothing wrong with `out`.
 */

/** Of assembly/memory.ts. */
const aadSize = 16_384;

export function assertSealsInto(out: Bytes | undefined, plaintext: Bytes): void {
  if (out) assertLength(out, plaintext.length + gcmTagLength);
}

/** A message that holds no tag is left to `open`. */
export function assertOpensInto(out: Bytes | undefined, sealed: Bytes): void {
  if (out && sealed.length >= gcmTagLength) assertLength(out, sealed.length - gcmTagLength);
}

export function seal(core: Core, aad: Bytes, plaintext: Bytes, out: Bytes | undefined): Bytes {
  const { call, at } = core;
  const { length } = plaintext;
  if (!fits(core, aad, length)) return sealInParts(core, aad, plaintext, out ?? newAnswer(length + gcmTagLength));
  core.write(at.AAD, aad);
  core.write(at.DATA, plaintext);
  call.gcmSeal(aad.length, length);
  return core.read(at.DATA, length + gcmTagLength, out);
}

export function open(core: Core, aad: Bytes, sealed: Bytes, out: Bytes | undefined): Bytes | null {
  const { call, at } = core;
  const length = sealed.length - gcmTagLength;
  if (length < 0) {
    call.gcmFinish();
    return null;
  }
  if (!fits(core, aad, length)) return openInParts(core, aad, sealed, out);
  core.write(at.AAD, aad);
  core.write(at.DATA, sealed);
  return call.gcmOpen(aad.length, length) ? core.takeSecret(at.DATA, length, out) : null;
}

const fits = (core: Core, aad: Bytes, length: number): boolean => aad.length <= aadSize && length <= core.at.DATA_SIZE;

function sealInParts(core: Core, aad: Bytes, plaintext: Bytes, sealed: Bytes): Bytes {
  const { call, at } = core;
  core.stream(aad, call.gcmAuthenticate);
  let offset = 0;
  core.stream(plaintext, (address, length) => {
    call.gcmEncrypt(address, length);
    core.copy(address, length, sealed, offset);
    offset += length;
  });
  call.gcmTag(at.TAG);
  call.gcmFinish();
  core.copy(at.TAG, gcmTagLength, sealed, offset);
  return sealed;
}

function openInParts(core: Core, aad: Bytes, sealed: Bytes, out: Bytes | undefined): Bytes | null {
  const { call, at } = core;
  const ciphertext = sealed.subarray(0, sealed.length - gcmTagLength);
  core.stream(aad, call.gcmAuthenticate);
  core.stream(ciphertext, call.gcmAuthenticateCiphertext);
  core.write(at.TAG, sealed.subarray(ciphertext.length));
  const plaintext = call.gcmVerify(at.TAG) ? decrypted(core, ciphertext, out ?? secret(ciphertext.length)) : null;
  call.gcmFinish();
  return plaintext;
}

function decrypted(core: Core, ciphertext: Bytes, plaintext: Bytes): Bytes {
  let offset = 0;
  core.stream(ciphertext, (address, length) => {
    core.call.gcmDecrypt(address, length);
    core.copy(address, length, plaintext, offset);
    offset += length;
  });
  return plaintext;
}
