import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { type Bytes, concat, fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

/** The name is of the first use; pinned. */
const keyPath = path("setting", "marker-key");

/**
 * Texts that clients carry and give back: they can neither read nor make one, and what was sealed for one purpose does
 * not open for another. The key rests in the store, so that every process and restart opens the others' texts.
 */
export class Seal {
  readonly #store: Store;
  #key: Bytes | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** IV 12 ‖ AES-256-GCM ciphertext ‖ tag 16; another one each time. */
  async seal(purpose: string, text: string): Promise<Bytes> {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", await this.#sealKey(), iv).setAAD(utf8(purpose));
    return concat(iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag());
  }

  /** undefined: it was not sealed here, or for another purpose. */
  async open(purpose: string, sealed: Bytes): Promise<string | undefined> {
    const key = await this.#sealKey();
    try {
      const cipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
      cipher.setAAD(utf8(purpose)).setAuthTag(sealed.subarray(-16));
      return fromUtf8(concat(cipher.update(sealed.subarray(12, -16)), cipher.final()));
    } catch {
      return undefined;
    }
  }

  async #sealKey(): Promise<Bytes> {
    this.#key ??= (await this.#store.get(keyPath))?.value;
    if (this.#key) return this.#key;
    try {
      await this.#store.commit([{ path: keyPath, value: randomBytes(32), revision: 0 }]);
    } catch (error) {
      // Another process was first: its key is the one.
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
    return this.#sealKey();
  }
}
