import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { Drbg } from "../engine.ts";
import { assertLength, assertWithin } from "../lengths.ts";
import type { Core } from "./core.ts";

const seedLength = 48;
const longestRequest = 65_536;

/** The state is in the memory of an instance that serves nothing else. */
export class WasmDrbg implements Drbg {
  readonly #core: Core;
  #live = true;

  constructor(core: Core, entropy: Bytes, personalization: Bytes) {
    this.#core = core;
    this.#seed(core.call.drbgInstantiate, entropy, personalization);
  }

  generate(length: number, additionalInput: Bytes = new Uint8Array(0)): Bytes {
    this.#assertLive();
    assertWithin(length, 1, longestRequest);
    assertWithin(additionalInput.length, 0, seedLength);
    const { call, at } = this.#core;
    this.#core.write(at.ENTROPY, additionalInput);
    call.drbgGenerate(at.DATA, length, additionalInput.length > 0 ? at.ENTROPY : 0);
    this.#core.wipe(at.ENTROPY, seedLength);
    return this.#core.takeSecret(at.DATA, length);
  }

  reseed(entropy: Bytes, additionalInput: Bytes = new Uint8Array(0)): void {
    this.#assertLive();
    this.#seed(this.#core.call.drbgReseed, entropy, additionalInput);
  }

  uninstantiate(): void {
    this.#core.call.wipe();
    this.#live = false;
  }

  #seed(call: (entropy: number, input: number) => void, entropy: Bytes, input: Bytes): void {
    assertLength(entropy, seedLength);
    assertWithin(input.length, 0, seedLength);
    const { at } = this.#core;
    this.#core.write(at.ENTROPY, entropy);
    this.#core.write(at.PERSONALIZATION, input);
    call(at.ENTROPY, at.PERSONALIZATION);
    this.#core.wipe(at.ENTROPY, seedLength);
    this.#core.wipe(at.PERSONALIZATION, seedLength);
  }

  #assertLive(): void {
    if (!this.#live) throw new HsmError("internal", "the random generator has been uninstantiated");
  }
}
