import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { threadId } from "node:worker_threads";
import { type Bytes, concat, fromHex, uint32 } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { secret, wipe } from "../base/secret.ts";

/** How much of a seed is kept, to find a repetition: too little to help whoever reads it. */
const sampleLength = 8;

/**
 * Entropy input of one DRBG. It comes from the kernel at every call: node:crypto answers from OpenSSL's DRBG in user
 * space, which a restored snapshot of a virtual machine repeats. A failed, short or repeated read throws
 * `HsmError("internal")`, and so does every call after it.
 */
export class EntropySource {
  readonly #device: number;
  readonly #last = secret(sampleLength);
  #failed = false;

  /** A `path` other than the kernel's generator is for tests. */
  constructor(path = "/dev/urandom") {
    this.#device = openSync(path, "r");
    this.#failed = !fstatSync(this.#device).isCharacterDevice();
  }

  /** `length` at least 32; the caller wipes the answer. */
  take(length: number): Bytes {
    const seed = secret(length);
    this.fill(seed);
    return seed;
  }

  /** Writes a seed where it is wanted; `seed` has at least 32 bytes, and zeros after a failure. */
  fill(seed: Bytes): void {
    if (this.#failed || !this.#read(seed)) {
      this.#failed = true;
      wipe(seed);
      throw new HsmError("internal", "the operating system's random generator failed or repeated itself");
    }
  }

  #read(seed: Bytes): boolean {
    try {
      if (readSync(this.#device, seed, 0, seed.length, null) !== seed.length) return false;
    } catch {
      return false;
    }
    const repeated = this.#last.every((byte, i) => byte === seed[i]);
    this.#last.set(seed.subarray(0, sampleLength));
    return !repeated;
  }

  /** Once. */
  close(): void {
    this.#failed = true;
    closeSync(this.#device);
    wipe(this.#last);
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
