import { createCipheriv } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, secretFrom, wipe } from "../../base/secret.ts";
import type { Drbg } from "../engine.ts";

const keyLength = 32;
const blockLength = 16;
const seedLength = keyLength + blockLength;
/** Requests between reseeds, SP 800-90A table 3. */
const reseedInterval = 2 ** 48;
const longestRequest = 65_536;

/** SP 800-90A §10.2.1, CTR_DRBG without a derivation function; the section numbers stand at the steps. */
export class CtrDrbg implements Drbg {
  readonly #key = secret(keyLength);
  readonly #v = secret(blockLength);
  #requests = 0;
  #live = true;

  /** §10.2.1.3.1 */
  constructor(entropy: Bytes, personalization: Bytes) {
    this.#seed(entropy, personalization);
  }

  /** §10.2.1.5.1 */
  generate(length: number, additionalInput: Bytes = new Uint8Array(0)): Bytes {
    this.#assertLive();
    if (!Number.isInteger(length) || length < 1 || length > longestRequest) throw new RangeError("request length");
    if (++this.#requests > reseedInterval) throw new HsmError("internal", "the random generator must be reseeded");
    const additional = padded(additionalInput);
    if (additionalInput.length > 0) this.#update(additional);
    const blocks = this.#encryptCounters(length);
    this.#update(additional);
    const answer = secretFrom(blocks.subarray(0, length));
    wipe(additional, blocks);
    return answer;
  }

  /** §10.2.1.4.1 */
  reseed(entropy: Bytes, additionalInput: Bytes = new Uint8Array(0)): void {
    this.#assertLive();
    this.#seed(entropy, additionalInput);
    this.#requests = 0;
  }

  uninstantiate(): void {
    wipe(this.#key, this.#v);
    this.#live = false;
  }

  #assertLive(): void {
    if (!this.#live) throw new HsmError("internal", "the random generator has been uninstantiated");
  }

  #seed(entropy: Bytes, input: Bytes): void {
    if (entropy.length !== seedLength) throw new RangeError("entropy length");
    const seed = padded(input);
    for (const [i, byte] of entropy.entries()) seed[i] = (seed[i] as number) ^ byte;
    this.#update(seed);
    wipe(seed);
  }

  /** §10.2.1.2, CTR_DRBG_Update; `provided` is 48 bytes. */
  #update(provided: Bytes): void {
    const temp = this.#encryptCounters(seedLength);
    for (const [i, byte] of provided.entries()) temp[i] = (temp[i] as number) ^ byte;
    this.#key.set(temp.subarray(0, keyLength));
    this.#v.set(temp.subarray(keyLength));
    wipe(temp);
  }

  /** Block_Encrypt(Key, V + 1) ‖ Block_Encrypt(Key, V + 2) ‖ …: `length` bytes, rounded up to whole blocks. */
  #encryptCounters(length: number): Bytes {
    const counters = secret(Math.ceil(length / blockLength) * blockLength);
    for (let offset = 0; offset < counters.length; offset += blockLength) {
      increment(this.#v);
      counters.set(this.#v, offset);
    }
    const blocks = createCipheriv("aes-256-ecb", this.#key, null).setAutoPadding(false).update(counters);
    wipe(counters);
    return blocks;
  }
}

function padded(input: Bytes): Bytes {
  if (input.length > seedLength) throw new RangeError("input length");
  const whole = secret(seedLength);
  whole.set(input);
  return whole;
}

/** V + 1 mod 2^128, in a time that does not depend on V. */
function increment(v: Bytes): void {
  let carry = 1;
  for (let i = blockLength - 1; i >= 0; i--) {
    carry += v[i] as number;
    v[i] = carry & 0xff;
    carry >>= 8;
  }
}
