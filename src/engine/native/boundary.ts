import { type Bytes, utf8 } from "../../base/bytes.ts";
import { secret } from "../../base/secret.ts";
import { ciphertextOverhead, hbkIdLength, ivLength, tagLength } from "../../model/ciphertext.ts";
import { parseEkt } from "../../model/ekt.ts";
import { type HbkUsage, usageCode } from "../../model/hbk.ts";
import { newAnswer } from "../answer.ts";
import type { Boundary } from "../boundary.ts";
import { personalization } from "../entropy.ts";
import { assertWithin, wrappedLength } from "../lengths.ts";
import type { Addon, BoundaryState } from "./addon.ts";
import { answered, authentic } from "./status.ts";

const longestMaterial = 4096;
const longestPlaintext = 4096;
/** What a token has beside its head and material. */
const tokenOverhead = hbkIdLength + 2 + ivLength + tagLength;
const nothing = new Uint8Array(0);

/**
 * The boundary in native code: root, domain keys and DRBG state are in locked memory of this boundary, the material of a
 * token in the locked scratch of the thread, for the time of a call. Key schedules are for that time in OpenSSL's own
 * memory, which cannot be locked. This class makes the arrays that results are written to.
 */
export class NativeBoundary implements Boundary {
  readonly #state: BoundaryState;

  /** A `device` other than the kernel's generator is for tests. */
  constructor(addon: Addon, device = "/dev/urandom") {
    this.#state = new addon.Boundary();
    answered(this.#state.open(utf8(`${device}\0`), personalization()));
  }

  setRoot(key: Bytes): void {
    answered(this.#state.setRoot(key));
  }

  generateDomainKey(id: Bytes): void {
    answered(this.#state.generateDomainKey(id));
  }

  sealDomainKey(id: Bytes): Bytes {
    const target = newAnswer(ivLength + 32 + tagLength);
    answered(this.#state.sealDomainKey(id, target));
    return target;
  }

  openDomainKey(id: Bytes, sealed: Bytes): boolean {
    return authentic(this.#state.openDomainKey(id, sealed)) !== null;
  }

  dropDomainKey(id: Bytes): void {
    answered(this.#state.dropDomainKey(id));
  }

  generate(head: Bytes, length: number): Bytes {
    assertWithin(length, 16, 64);
    const target = newAnswer(head.length + tokenOverhead + length);
    answered(this.#state.generate(head, length, target));
    return target;
  }

  import(head: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, longestMaterial);
    const target = newAnswer(head.length + tokenOverhead + material.length);
    answered(this.#state.import(head, material, target));
    return target;
  }

  importExposed(head: Bytes, commitment: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, longestMaterial);
    const target = newAnswer(head.length + tokenOverhead + material.length);
    answered(this.#state.importExposed(head, commitment, material, target));
    return target;
  }

  expose(ekt: Bytes, usage: HbkUsage): Bytes {
    const target = secret(materialLength(ekt));
    answered(this.#state.expose(ekt, usageCode(usage), target));
    return target;
  }

  rewrap(ekt: Bytes, head: Bytes): Bytes {
    const target = newAnswer(head.length + tokenOverhead + materialLength(ekt));
    answered(this.#state.rewrap(ekt, head, target));
    return target;
  }

  release(ekt: Bytes): Bytes {
    const target = secret(materialLength(ekt));
    answered(this.#state.release(ekt, target));
    return target;
  }

  /** Into `target`, where one is given: 78 bytes longer than the plaintext. */
  encrypt(
    ekt: Bytes,
    aad: Bytes,
    plaintext: Bytes,
    target: Bytes = newAnswer(ciphertextOverhead + within(plaintext.length)),
  ): Bytes {
    answered(this.#state.encrypt(ekt, aad, plaintext, target));
    return target;
  }

  /** Into `target`, where one is given: 78 bytes shorter than the ciphertext. Zeros when that is not authentic. */
  decrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes, target: Bytes = secret(plaintextLength(ciphertext))) {
    return authentic(this.#state.decrypt(ekt, aad, ciphertext, target)) === null ? null : target;
  }

  generateDataKey(ekt: Bytes, aad: Bytes, length: number, want: "both" | "ciphertext") {
    assertWithin(length, 1, 1024);
    const plaintext = want === "both" ? secret(length) : nothing;
    const ciphertext = newAnswer(ciphertextOverhead + length);
    answered(this.#state.generateDataKey(ekt, aad, length, plaintext, ciphertext));
    return want === "both" ? { ciphertext, plaintext } : { ciphertext };
  }

  reEncrypt(
    source: { ekt: Bytes; aad: Bytes; ciphertext: Bytes },
    destination: { ekt: Bytes; aad: Bytes },
  ): Bytes | null {
    const { ekt, aad, ciphertext } = source;
    const target = newAnswer(isCiphertext(ciphertext) ? ciphertext.length : 0);
    const status = this.#state.reEncrypt(ekt, aad, ciphertext, destination.ekt, destination.aad, target);
    return authentic(status) === null ? null : target;
  }

  mac(ekt: Bytes, message: Bytes): Bytes {
    const target = secret(32);
    answered(this.#state.mac(ekt, message, target));
    return target;
  }

  wrapFor(ekt: Bytes, transportKey: Bytes): Bytes {
    const target = newAnswer(wrappedLength(materialLength(ekt)));
    answered(this.#state.wrapFor(ekt, transportKey, target));
    return target;
  }

  unwrapFrom(head: Bytes, hbkId: Bytes, transportKey: Bytes, wrapped: Bytes): Bytes {
    const longest = newAnswer(head.length + tokenOverhead + Math.min(wrapped.length, longestMaterial));
    return longest.slice(0, answered(this.#state.unwrapFrom(head, hbkId, transportKey, wrapped, longest)));
  }

  random(length: number): Bytes {
    assertWithin(length, 1, 1024);
    const target = secret(length);
    answered(this.#state.random(target));
    return target;
  }

  close(): void {
    this.#state.close();
  }
}

/** Of the material in a token; not authentic. */
function materialLength(ekt: Bytes): number {
  return Math.max(parseEkt(ekt).wrapped.length - ivLength, 0);
}

function within(length: number): number {
  assertWithin(length, 0, longestPlaintext);
  return length;
}

const isCiphertext = ({ length }: Bytes): boolean =>
  length >= ciphertextOverhead && length <= ciphertextOverhead + longestPlaintext;

const plaintextLength = (ciphertext: Bytes): number =>
  isCiphertext(ciphertext) ? ciphertext.length - ciphertextOverhead : 0;
