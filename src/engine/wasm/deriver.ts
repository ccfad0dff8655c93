import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { deriverClosed, longestFixedInput } from "../deriver.ts";
import type { Deriver } from "../engine.ts";
import { assertLength, assertWithin, gcmIvLength, gcmTagLength, keyLength } from "../lengths.ts";
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

  close(): void {
    if (this.#slot === undefined) return;
    this.#core.call.closeDeriver(this.#slot);
    this.#slots.give(this.#slot);
    this.#slot = undefined;
  }

  #start(fixedInput: Bytes, iv: Bytes, aadLength: number, length: number): void {
    if (this.#slot === undefined) throw deriverClosed();
    assertWithin(fixedInput.length, 0, longestFixedInput);
    assertLength(iv, gcmIvLength);
    const { call, at } = this.#core;
    this.#core.write(at.FIXED, fixedInput);
    this.#core.write(at.IV, iv);
    call.startDerived(this.#slot, fixedInput.length, aadLength, length);
  }
}
