import { type CipherGCMTypes, createCipheriv, createDecipheriv, getCiphers } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import { wipe } from "../../base/secret.ts";
import { assertLength, gcmIvLength, gcmTagLength } from "../lengths.ts";
import { taken } from "./taken.ts";

/** SP 800-38D over one block cipher. */
export class NodeGcm {
  readonly #name: CipherGCMTypes;
  readonly #keyLength: number;

  /** `name` in OpenSSL. */
  constructor(name: string, keyLength: number) {
    this.#name = name as CipherGCMTypes;
    this.#keyLength = keyLength;
  }

  get isThere(): boolean {
    return getCiphers().includes(this.#name);
  }

  seal(
    key: Bytes,
    iv: Bytes,
    aad: Bytes,
    plaintext: Bytes,
    out: Bytes = new Uint8Array(plaintext.length + gcmTagLength),
  ): Bytes {
    this.#check(key, iv);
    assertLength(out, plaintext.length + gcmTagLength);
    const cipher = createCipheriv(this.#name, key, iv, { authTagLength: gcmTagLength }).setAAD(aad);
    out.set(cipher.update(plaintext));
    cipher.final();
    out.set(cipher.getAuthTag(), plaintext.length);
    return out;
  }

  /** OpenSSL decrypts before it has seen the tag: what it gave is wiped, not released, when the tag does not verify. */
  open(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    this.#check(key, iv);
    if (sealed.length < gcmTagLength) return null;
    const split = sealed.length - gcmTagLength;
    if (out) assertLength(out, split);
    const decipher = createDecipheriv(this.#name, key, iv, { authTagLength: gcmTagLength })
      .setAAD(aad)
      .setAuthTag(sealed.subarray(split));
    const plaintext = decipher.update(sealed.subarray(0, split));
    try {
      decipher.final();
    } catch {
      wipe(plaintext);
      return null;
    }
    return taken(plaintext, out);
  }

  #check(key: Bytes, iv: Bytes): void {
    assertLength(key, this.#keyLength);
    assertLength(iv, gcmIvLength);
  }
}
