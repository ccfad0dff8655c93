import type { AuditError } from "../base/errors.ts";
import { newline } from "./chain.ts";

/** Events that become durable together. */
export class Batch {
  bytes: Buffer;
  length = 0;
  readonly #done = Promise.withResolvers<void>();

  /** `spare`: the buffer of a batch that is done. */
  constructor(spare: Buffer = Buffer.allocUnsafeSlow(1 << 17)) {
    this.bytes = spare;
    // Whoever waits sees the failure; when nobody does, it is in `failed`.
    this.#done.promise.catch(() => undefined);
  }

  get promise(): Promise<void> {
    return this.#done.promise;
  }

  /** Adds the line of a record, `link` in the place of its last brace; answers its bytes without the newline. */
  add(record: string, link: string): Uint8Array {
    this.#makeRoom(record.length * 3 + link.length + 1);
    const start = this.length;
    const brace = start + this.bytes.write(record, start, "utf8") - 1;
    const end = brace + this.bytes.write(link, brace, "latin1");
    this.bytes[end] = newline;
    this.length = end + 1;
    return this.bytes.subarray(start, end);
  }

  settle(failure?: AuditError): void {
    if (failure) this.#done.reject(failure);
    else this.#done.resolve();
  }

  #makeRoom(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
