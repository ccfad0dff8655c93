import type { Bytes } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { secretFrom, wipe } from "../base/secret.ts";
import type { DerivedMessage, Deriver, Engine } from "./engine.ts";
import { assertLength, assertWithin, gcmIvLength, keyLength } from "./lengths.ts";

const longestFixedInput = 1024;

/** For engines without a memory of their own: K is an array made by `secret`, wiped when the call ends. */
export class KeyDeriver implements Deriver {
  readonly #engine: Engine;
  #hbk: Bytes | undefined;

  constructor(engine: Engine, hbk: Bytes) {
    assertLength(hbk, keyLength);
    this.#engine = engine;
    this.#hbk = secretFrom(hbk);
  }

  seal(fixedInput: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes {
    return this.#under(fixedInput, iv, (key) => this.#engine.gcmSeal(key, iv, aad, plaintext, out));
  }

  open(fixedInput: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    return this.#under(fixedInput, iv, (key) => this.#engine.gcmOpen(key, iv, aad, sealed, out));
  }

  sealEach(messages: readonly DerivedMessage[]): Bytes[] {
    return sealOneByOne(this, messages);
  }

  openEach(messages: readonly DerivedMessage[]): (Bytes | null)[] {
    return openOneByOne(this, messages);
  }

  close(): void {
    wipe(this.#hbk);
    this.#hbk = undefined;
  }

  #under<T>(fixedInput: Bytes, iv: Bytes, use: (key: Bytes) => T): T {
    if (!this.#hbk) throw deriverClosed();
    assertDerivable(fixedInput, iv);
    const key = this.#engine.kbkdf(this.#hbk, fixedInput);
    try {
      return use(key);
    } finally {
      wipe(key);
    }
  }
}

export const deriverClosed = (): HsmError => new HsmError("internal", "the deriver is closed");

export function assertDerivable(fixedInput: Bytes, iv: Bytes): void {
  assertWithin(fixedInput.length, 0, longestFixedInput);
  assertLength(iv, gcmIvLength);
}

// ── for engines that gain nothing by seeing many messages at once

export function sealOneByOne(deriver: Deriver, messages: readonly DerivedMessage[]): Bytes[] {
  for (const { fixedInput, iv } of messages) assertDerivable(fixedInput, iv);
  return messages.map(({ fixedInput, iv, aad, text }) => deriver.seal(fixedInput, iv, aad, text));
}

export function openOneByOne(deriver: Deriver, messages: readonly DerivedMessage[]): (Bytes | null)[] {
  for (const { fixedInput, iv } of messages) assertDerivable(fixedInput, iv);
  return messages.map(({ fixedInput, iv, aad, text }) => deriver.open(fixedInput, iv, aad, text));
}
