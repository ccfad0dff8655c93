import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { assertDerivable, deriverClosed } from "../deriver.ts";
import type { DerivedMessage, Deriver } from "../engine.ts";
import { assertLength, gcmTagLength, keyLength } from "../lengths.ts";
import type { Core } from "./core.ts";
import * as gcm from "./gcm.ts";

/** Where the midstates of derivers are in the memory of one core. */
export class DeriverSlots {
  readonly #free: number[];

  constructor(core: Core) {
    this.#free = Array.from({ length: core.at.DERIVER_SLOTS }, (_, slot) => slot);
  }

  take(): number {
    const slot = this.#free.pop();
    if (slot === undefined) throw new HsmError("internal", "no more derivers can be open at once");
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }
}

/** Of the HBK there are only the midstates of HMAC, in the linear memory, where K comes and goes. */
export class WasmDeriver implements Deriver {
  readonly #core: Core;
  readonly #slots: DeriverSlots;
  #slot: number | undefined;

  constructor(core: Core, slots: DeriverSlots, hbk: Bytes) {
    assertLength(hbk, keyLength);
    this.#core = core;
    this.#slots = slots;
    this.#slot = slots.take();
    core.write(core.at.KEY, hbk);
    core.call.openDeriver(this.#slot);
  }

  seal(fixedInput: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes {
    gcm.assertSealsInto(out, plaintext);
    this.#start(fixedInput, iv, aad.length, plaintext.length);
    return gcm.seal(this.#core, aad, plaintext, out);
  }

  open(fixedInput: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    gcm.assertOpensInto(out, sealed);
    this.#start(fixedInput, iv, aad.length, Math.max(sealed.length - gcmTagLength, 0));
    return gcm.open(this.#core, aad, sealed, out);
  }

  sealEach(messages: readonly DerivedMessage[]): Bytes[] {
    return this.#each(messages, 0, ({ aad, text }) => gcm.seal(this.#core, aad, text, undefined));
  }

  openEach(messages: readonly DerivedMessage[]): (Bytes | null)[] {
    return this.#each(messages, gcmTagLength, ({ aad, text }) => gcm.open(this.#core, aad, text, undefined));
  }

  close(): void {
    if (this.#slot === undefined) return;
    this.#core.call.closeDeriver(this.#slot);
    this.#slots.give(this.#slot);
    this.#slot = undefined;
  }

  #start(fixedInput: Bytes, iv: Bytes, aadLength: number, length: number): void {
    const slot = this.#open();
    assertDerivable(fixedInput, iv);
    const { call, at } = this.#core;
    this.#core.write(at.FIXED, fixedInput);
    this.#core.write(at.IV, iv);
    call.startDerived(slot, fixedInput.length, aadLength, length);
  }

  /** The keys of four messages are derived side by side, where their fixed inputs allow it. */
  #each<T>(messages: readonly DerivedMessage[], tagLength: number, finish: (message: DerivedMessage) => T): T[] {
    this.#open();
    for (const { fixedInput, iv } of messages) assertDerivable(fixedInput, iv);
    const answers: T[] = [];
    while (answers.length < messages.length) {
      const four = messages.slice(answers.length, answers.length + 4);
      const together = this.#fitTogether(four);
      if (together) this.#deriveFour(four);
      try {
        for (const [i, message] of four.entries()) {
          const { fixedInput, iv, aad, text } = message;
          const length = Math.max(text.length - tagLength, 0);
          if (together) this.#startOfFour(i, iv, aad.length, length);
          else this.#start(fixedInput, iv, aad.length, length);
          answers.push(finish(message));
        }
      } finally {
        if (together) this.#core.wipe(this.#core.at.CALL_KEYS, 4 * keyLength);
      }
    }
    return answers;
  }

  #fitTogether(messages: readonly DerivedMessage[]): boolean {
    const { length } = (messages[0] as DerivedMessage).fixedInput;
    return (
      messages.length === 4 &&
      length <= this.#core.at.LONGEST_IN_BLOCK &&
      messages.every(({ fixedInput }) => fixedInput.length === length)
    );
  }

  #deriveFour(messages: readonly DerivedMessage[]): void {
    const { call, at } = this.#core;
    for (const [i, { fixedInput }] of messages.entries()) this.#core.write(at.KBKDF_BLOCKS + 64 * i + 4, fixedInput);
    call.deriveFour(this.#open(), (messages[0] as DerivedMessage).fixedInput.length);
  }

  #startOfFour(index: number, iv: Bytes, aadLength: number, length: number): void {
    this.#core.write(this.#core.at.IV, iv);
    this.#core.call.startOfFour(index, aadLength, length);
  }

  #open(): number {
    if (this.#slot === undefined) throw deriverClosed();
    return this.#slot;
  }
}
