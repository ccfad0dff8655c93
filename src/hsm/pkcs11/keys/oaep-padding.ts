import { createHash } from "node:crypto";
import type { Bytes } from "../../../base/bytes.ts";
import { secret, wipe } from "../../../base/secret.ts";

/**
 * EME-OAEP decoding (RFC 8017 §7.1.2, step 3) with an empty label, MGF1 by the same hash. Whatever is wrong with `encoded`
 * is found in the same steps, over all of it, and answered in the same way: how far a decoding came would decrypt any
 * ciphertext for whoever asks often enough (Manger, CRYPTO 2001). So nothing here branches on an octet of it, or uses one
 * as an index, before the verdict.
 */
export function unpadOaep(encoded: Bytes, hash: "sha1" | "sha256"): Bytes | null {
  const label = createHash(hash).digest();
  const start = 1 + label.length;
  const seed = secretXor(encoded.subarray(1, start), mgf1(encoded.subarray(start), label.length, hash));
  const block = secretXor(encoded.subarray(start), mgf1(seed, encoded.length - start, hash));
  wipe(seed);

  let wrong = encoded[0] as number;
  for (let i = 0; i < label.length; i++) wrong |= (block[i] as number) ^ (label[i] as number);
  // lHash ‖ 0 … 0 ‖ 1 ‖ message. `looking` is 1 up to the 1, and `from` the place behind it.
  let looking = 1;
  let from = 0;
  for (let i = label.length; i < block.length; i++) {
    const octet = block[i] as number;
    const isOne = isZero(octet ^ 1);
    from |= -(looking & isOne) & (i + 1);
    wrong |= looking & (1 ^ isOne) & (1 ^ isZero(octet));
    looking &= 1 ^ isOne;
  }
  wrong |= looking;
  const message = wrong === 0 ? secret(block.length - from) : null;
  message?.set(block.subarray(from));
  wipe(block);
  return message;
}

/** 1 for 0, and 0 for any other octet. */
const isZero = (octet: number): number => ((octet - 1) >> 8) & 1;

/** RFC 8017 §B.2.1. */
function mgf1(seed: Bytes, length: number, hash: string): Bytes {
  const mask = secret(length);
  const counter = new Uint8Array(4);
  for (let offset = 0; offset < length; counter[3] = (counter[3] as number) + 1) {
    const digest = createHash(hash).update(seed).update(counter).digest();
    mask.set(digest.subarray(0, length - offset), offset);
    offset += digest.length;
    wipe(digest);
  }
  return mask;
}

/** Takes `mask` over. */
function secretXor(octets: Bytes, mask: Bytes): Bytes {
  for (let i = 0; i < mask.length; i++) mask[i] = (mask[i] as number) ^ (octets[i] as number);
  return mask;
}
