import pkcs11js from "pkcs11js";
import type { Bytes } from "../../base/bytes.ts";
import type { Attributes } from "./attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "./cryptoki.ts";

const application = "strongroom";
const mostTries = 5;

/** Private data objects of the token under one label: several of them only while one replaces another. */
export class DataObjects {
  readonly #token: Cryptoki;
  readonly #label: string;

  constructor(token: Cryptoki, label: string) {
    this.#token = token;
    this.#label = label;
  }

  all(): { handle: Handle; value: Bytes }[] {
    for (let tries = 0; ; tries++) {
      try {
        const found = this.#token.find(this.#attributes());
        return found.map((handle) => ({ handle, value: Uint8Array.from(this.#token.read(handle, "value")) }));
      } catch (error) {
        // Another process replaced one of them meanwhile.
        if (!isGone(error) || tries === mostTries) throw error;
      }
    }
  }

  /** Durable when it returns. */
  add(value: Bytes): void {
    this.#token.create({ ...this.#attributes(), private: true, modifiable: false, value });
  }

  /** Removes those that `drop` chooses. */
  remove(drop: (value: Bytes) => boolean): void {
    for (const { handle, value } of this.all()) {
      try {
        if (drop(value)) this.#token.destroy(handle);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
  }

  #attributes(): Attributes {
    return { class: pkcs11js.CKO_DATA, token: true, application, label: this.#label };
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof CryptokiError && error.code === pkcs11js.CKR_OBJECT_HANDLE_INVALID;
