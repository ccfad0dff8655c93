import type { Bytes } from "../../base/bytes.ts";
import { secret, secretFrom, wipe } from "../../base/secret.ts";
import { newAnswer } from "../answer.ts";
import type { Boundary } from "../boundary.ts";
import type { Deriver, Drbg, Engine, Sm4 } from "../engine.ts";
import { assertWithin, gcmTagLength, isWrapped, wrappedLength } from "../lengths.ts";
import { type Addon, load } from "./addon.ts";
import { NativeBoundary } from "./boundary.ts";
import { NativeDeriver } from "./deriver.ts";
import { NativeDrbg } from "./drbg.ts";
import { answered, authentic } from "./status.ts";

const digestLength = 32;
const longestWrapped = 8192;

/**
 * Every primitive by the OpenSSL of the running Node, called from C (native/). A call leaves nothing in the memory of the
 * addon or in OpenSSL's contexts. Constant in time as far as OpenSSL's code for the machine's processor is: with the
 * instructions for AES, carry-less multiplication and SHA-256 it is; its SM4 looks up
 * tables unless there are some for that, too. Arguments have at most 1 GiB.
 */
export class NativeEngine implements Engine {
  readonly name = "native";
  readonly sm4: Sm4 | undefined;
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.sm4 = addon.hasSm4() === 1 ? sm4Of(addon) : undefined;
    this.#addon = addon;
  }

  get lockedMemory(): boolean {
    return this.#addon.lockedMemory() === 1;
  }

  sha256(message: Bytes): Bytes {
    const target = secret(digestLength);
    answered(this.#addon.sha256(message, target));
    return target;
  }

  hmacSha256(key: Bytes, message: Bytes): Bytes {
    const target = secret(digestLength);
    answered(this.#addon.hmacSha256(key, message, target));
    return target;
  }

  kbkdf(key: Bytes, fixedInput: Bytes): Bytes {
    const target = secret(digestLength);
    answered(this.#addon.kbkdf(key, fixedInput, target));
    return target;
  }

  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes {
    const target = out ?? sealedTarget(plaintext);
    answered(this.#addon.gcmSeal(key, iv, aad, plaintext, target));
    return target;
  }

  /** OpenSSL decrypts before it has seen the tag: what it gave is wiped, not released, when the tag does not verify. */
  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    const target = out ?? openedTarget(sealed);
    return authentic(this.#addon.gcmOpen(key, iv, aad, sealed, target)) === null ? null : target;
  }

  deriver(hbk: Bytes): Deriver {
    return new NativeDeriver(this.#addon, hbk);
  }

  kwpWrap(kek: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, longestWrapped);
    const target = newAnswer(wrappedLength(material.length));
    answered(this.#addon.kwpWrap(kek, material, target));
    return target;
  }

  kwpUnwrap(kek: Bytes, wrapped: Bytes): Bytes | null {
    const target = secret(isWrapped(wrapped, longestWrapped) ? wrapped.length - 8 : 0);
    const length = authentic(this.#addon.kwpUnwrap(kek, wrapped, target));
    if (length === null || length === target.length) return length === null ? null : target;
    const material = secretFrom(target.subarray(0, length));
    wipe(target);
    return material;
  }

  equal(a: Bytes, b: Bytes): boolean {
    return a.length === b.length && answered(this.#addon.equal(a, b)) === 1;
  }

  drbg(entropy: Bytes, personalization: Bytes): Drbg {
    return new NativeDrbg(this.#addon, entropy, personalization);
  }

  boundary(): Boundary {
    return new NativeBoundary(this.#addon);
  }
}

const sm4Of = (addon: Addon): Sm4 => ({
  seal(key, iv, aad, plaintext) {
    const target = sealedTarget(plaintext);
    answered(addon.sm4GcmSeal(key, iv, aad, plaintext, target));
    return target;
  },
  open(key, iv, aad, sealed) {
    const target = openedTarget(sealed);
    return authentic(addon.sm4GcmOpen(key, iv, aad, sealed, target)) === null ? null : target;
  },
});

const sealedTarget = ({ length }: Bytes): Bytes => newAnswer(length + gcmTagLength);
const openedTarget = ({ length }: Bytes): Bytes => secret(Math.max(length - gcmTagLength, 0));

export const open = async (): Promise<NativeEngine> => new NativeEngine(load());
