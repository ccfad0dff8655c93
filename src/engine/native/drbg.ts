import type { Bytes } from "../../base/bytes.ts";
import { secret } from "../../base/secret.ts";
import type { Drbg } from "../engine.ts";
import { assertWithin } from "../lengths.ts";
import type { Addon, DrbgState } from "./addon.ts";
import { answered } from "./status.ts";

const longestRequest = 65_536;

/** The state is in locked memory of its own. */
export class NativeDrbg implements Drbg {
  readonly #state: DrbgState;

  constructor(addon: Addon, entropy: Bytes, personalization: Bytes) {
    this.#state = new addon.Drbg();
    answered(this.#state.instantiate(entropy, personalization));
  }

  generate(length: number, additionalInput: Bytes = new Uint8Array(0)): Bytes {
    assertWithin(length, 1, longestRequest);
    const target = secret(length);
    answered(this.#state.generate(additionalInput, target));
    return target;
  }

  reseed(entropy: Bytes, additionalInput: Bytes = new Uint8Array(0)): void {
    answered(this.#state.reseed(entropy, additionalInput));
  }

  uninstantiate(): void {
    this.#state.uninstantiate();
  }
}
