import pkcs11js from "pkcs11js";
import type { Bytes } from "../../../base/bytes.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { quirks, withoutQuirk } from "../cryptoki/quirks.ts";
import { genericKey, noUse } from "./wrapping.ts";

const application = "strongroom";
const mostTries = 5;

/**
 * Private data objects of the token under one label: several of them only while one replaces another. In a token that
 * takes none (quirks.noDataObjects), each is the id of a secret key that nobody uses.
 */
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
        const data = this.#read(this.#data, "value");
        return data.length > 0 ? data : this.#read(this.#key, "id");
      } catch (error) {
        // Another process replaced one of them meanwhile.
        if (!isGone(error) || tries === mostTries) throw error;
      }
    }
  }

  /** Durable when it returns. */
  add(value: Bytes): void {
    const key = { ...genericKey, ...noUse, ...this.#key, sensitive: true, extractable: false, id: value, valueLen: 32 };
    withoutQuirk(
      () => this.#token.create({ ...this.#data, private: true, modifiable: false, value }),
      quirks.noDataObjects,
      () => this.#token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, key),
    );
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

  #read(attributes: Attributes, holder: "value" | "id"): { handle: Handle; value: Bytes }[] {
    const found = this.#token.find(attributes);
    return found.map((handle) => ({ handle, value: Uint8Array.from(this.#token.read(handle, holder)) }));
  }

  get #data(): Attributes {
    return { class: pkcs11js.CKO_DATA, token: true, application, label: this.#label };
  }

  get #key(): Attributes {
    return { class: pkcs11js.CKO_SECRET_KEY, token: true, label: this.#label };
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof CryptokiError && error.code === pkcs11js.CKR_OBJECT_HANDLE_INVALID;
