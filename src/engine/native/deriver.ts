import type { Bytes } from "../../base/bytes.ts";
import { secret } from "../../base/secret.ts";
import { newAnswer } from "../answer.ts";
import { openOneByOne, sealOneByOne } from "../deriver.ts";
import type { DerivedMessage, Deriver } from "../engine.ts";
import { gcmTagLength } from "../lengths.ts";
import type { Addon, DeriverState } from "./addon.ts";
import { answered, authentic } from "./status.ts";

/** Of the HBK there is only what HMAC makes of it beforehand, in locked memory; K is there for the time of a call. */
export class NativeDeriver implements Deriver {
  readonly #state: DeriverState;

  constructor(addon: Addon, hbk: Bytes) {
    this.#state = new addon.Deriver();
    answered(this.#state.start(hbk));
  }

  seal(
    fixedInput: Bytes,
    iv: Bytes,
    aad: Bytes,
    plaintext: Bytes,
    out: Bytes = newAnswer(plaintext.length + gcmTagLength),
  ): Bytes {
    answered(this.#state.seal(fixedInput, iv, aad, plaintext, out));
    return out;
  }

  open(
    fixedInput: Bytes,
    iv: Bytes,
    aad: Bytes,
    sealed: Bytes,
    out: Bytes = secret(Math.max(sealed.length - gcmTagLength, 0)),
  ): Bytes | null {
    return authentic(this.#state.open(fixedInput, iv, aad, sealed, out)) === null ? null : out;
  }

  sealEach(messages: readonly DerivedMessage[]): Bytes[] {
    return sealOneByOne(this, messages);
  }

  openEach(messages: readonly DerivedMessage[]): (Bytes | null)[] {
    return openOneByOne(this, messages);
  }

  close(): void {
    this.#state.close();
  }
}
