import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { threadId } from "node:worker_threads";
import { type Bytes, concat, fromHex, uint32 } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { secret, wipe } from "../base/secret.ts";

/** How much of a seed is kept, to find a repetition: too little to help whoever reads it. */
const sampleLength = 8;

/**
 * Entropy input of one DRBG, from the operating system's generator and never from a pool in user space: a restored
 * snapshot of a virtual machine would repeat that. A failed or repeated seed throws `HsmError("internal")`, and so does
 * every call after it.
 */
export class EntropySource {
  readonly #fill: (bytes: Bytes) => void;
  readonly #last = secret(sampleLength);
  #failed = false;

  /** `fill` other than the operating system's is for tests. */
  constructor(fill: (bytes: Bytes) => void = (bytes) => void randomFillSync(bytes)) {
    this.#fill = fill;
  }

  /** `length` at least 32; the caller wipes the answer. */
  take(length: number): Bytes {
    const seed = secret(length);
    if (!this.#failed) this.#fillFresh(seed);
    if (this.#failed) {
      wipe(seed);
      throw new HsmError("internal", "the operating system's random generator failed or repeated itself");
    }
    return seed;
  }

  #fillFresh(seed: Bytes): void {
    this.#failed = true;
    try {
      this.#fill(seed);
    } catch {
      return;
    }
    const sample = seed.subarray(0, sampleLength);
    this.#failed = sample.every((byte, i) => byte === this.#last[i]);
    this.#last.set(sample);
  }
}

let instances = 0;

/**
 * The personalization string of the next DRBG of this process (SP 800-90A §8.7.1):
 * `process id 4 ‖ thread id 4 ‖ instance 4 ‖ boot id 16`.
 */
export function personalization(): Bytes {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim().replaceAll("-", "");
  return concat(uint32(process.pid), uint32(threadId), uint32(instances++), fromHex(bootId));
}
