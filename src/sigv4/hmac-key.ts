import { hash } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import { secret, wipe } from "../base/secret.ts";

/** The block of SHA-256, in bytes. */
const blockLength = 64;
const longestText = 512;

/**
 * A key for HMAC-SHA-256 (FIPS 198-1), made ready: H(K0 ⊕ opad ‖ H(K0 ⊕ ipad ‖ text)) by two hashes in one piece, which
 * cost a third of what `createHmac` does.
 */
export class HmacKey {
  /** K0 ⊕ ipad, and room for the text. */
  readonly #inner = Buffer.from(secret(blockLength + longestText).buffer);
  /** K0 ⊕ opad, and room for the inner hash. */
  readonly #outer = Buffer.from(secret(blockLength + 32).buffer);

  /** `key`, of at most 64 bytes, is copied. */
  constructor(key: Bytes) {
    if (key.length > blockLength) throw new RangeError("the key is longer than a block");
    this.#inner.fill(0x36, 0, blockLength);
    this.#outer.fill(0x5c, 0, blockLength);
    for (const [i, byte] of key.entries()) {
      this.#inner[i] = 0x36 ^ byte;
      this.#outer[i] = 0x5c ^ byte;
    }
  }

  /** HMAC of `text`, ASCII of at most 512 characters, in hexadecimal. */
  mac(text: string): string {
    if (text.length > longestText) throw new RangeError("the text is too long");
    const end = blockLength + this.#inner.write(text, blockLength, "latin1");
    this.#outer.write(hash("sha256", this.#inner.subarray(0, end), "latin1"), blockLength, "latin1");
    return hash("sha256", this.#outer);
  }

  wipe(): void {
    wipe(this.#inner, this.#outer);
  }
}
