import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { secret, wipe } from "../../../base/secret.ts";
import type { Drbg, Engine } from "../../../engine/engine.ts";
import { EntropySource, personalization } from "../../../engine/entropy.ts";
import { asBuffer } from "../cryptoki/attributes.ts";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";

const seedLength = 48;
/** How much of a seed is kept, to find a repetition. */
const sampleLength = 8;

/**
 * CTR_DRBG with fresh entropy in every request: the operating system's XOR the token's, so that it is good while either
 * of them is. A repeated seed of either throws `HsmError("internal")`, for good.
 */
export class TokenRandom {
  readonly #source = new EntropySource();
  readonly #token: Cryptoki;
  readonly #drbg: Drbg;
  /** The token's seed, which becomes that of a call, and the operating system's. */
  readonly #seed = asBuffer(secret(seedLength));
  readonly #system = secret(seedLength);
  readonly #last = new Uint8Array(sampleLength);
  #repeated = false;

  constructor(engine: Engine, token: Cryptoki) {
    this.#token = token;
    this.#fillSeed();
    this.#drbg = engine.drbg(this.#seed, personalization());
    wipe(this.#seed);
  }

  /** 1 to 65,536 bytes, made by `secret`. */
  generate(length: number): Bytes {
    this.#fillSeed();
    try {
      return this.#drbg.generate(length, this.#seed);
    } finally {
      wipe(this.#seed);
    }
  }

  /** What fails here leaves nothing in the seed. */
  #fillSeed(): void {
    const [seed, system] = [this.#seed, this.#system];
    try {
      this.#token.random(seed);
      this.#requireNew(seed.subarray(0, sampleLength));
      this.#source.fill(system);
      for (let i = 0; i < seedLength; i++) seed[i] = (seed[i] as number) ^ (system[i] as number);
    } catch (error) {
      wipe(seed);
      throw error;
    } finally {
      wipe(system);
    }
  }

  #requireNew(sample: Bytes): void {
    this.#repeated ||= equalBytes(sample, this.#last);
    if (this.#repeated) throw new HsmError("internal", "the token's random generator repeats itself");
    this.#last.set(sample);
  }
}
