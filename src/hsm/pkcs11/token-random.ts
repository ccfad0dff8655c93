import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, wipe } from "../../base/secret.ts";
import type { Drbg, Engine } from "../../engine/engine.ts";
import { EntropySource, personalization } from "../../engine/entropy.ts";
import type { Cryptoki } from "./cryptoki.ts";

const seedLength = 48;
/** How much of a seed is kept, to find a repetition. */
const sampleLength = 8;

/**
 * CTR_DRBG with fresh entropy in every request: the operating system's XOR the token's, so that it is good while either
 * of them is. A repeated seed of either throws `HsmError("internal")`, for good.
 */
export class TokenRandom {
  readonly #system = new EntropySource();
  readonly #token: Cryptoki;
  readonly #drbg: Drbg;
  readonly #last = new Uint8Array(sampleLength);
  #repeated = false;

  constructor(engine: Engine, token: Cryptoki) {
    this.#token = token;
    const seed = this.#seed();
    this.#drbg = engine.drbg(seed, personalization());
    wipe(seed);
  }

  /** 1 to 65,536 bytes, made by `secret`. */
  generate(length: number): Bytes {
    const seed = this.#seed();
    try {
      return this.#drbg.generate(length, seed);
    } finally {
      wipe(seed);
    }
  }

  #seed(): Bytes {
    const seed = this.#tokenSeed();
    const system = this.#system.take(seedLength);
    for (let i = 0; i < seedLength; i++) seed[i] = (seed[i] as number) ^ (system[i] as number);
    wipe(system);
    return seed;
  }

  #tokenSeed(): Bytes {
    const seed = secret(seedLength);
    this.#token.random(seed);
    const sample = seed.subarray(0, sampleLength);
    this.#repeated ||= equalBytes(sample, this.#last);
    if (this.#repeated) {
      wipe(seed);
      throw new HsmError("internal", "the token's random generator repeats itself");
    }
    this.#last.set(sample);
    return seed;
  }
}
