import { randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, hex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { isOutage } from "../cryptoki/second-try.ts";
import { isReleased } from "./kept.ts";
import { moving, readable, used } from "./wrapping.ts";

const label = "strongroom key";
const place: Attributes = { class: pkcs11js.CKO_SECRET_KEY, token: true, label };
const kept: Attributes = { ...place, modifiable: false };

/**
 * HBKs that stay in the token as objects of its own, for tokens that wrap no keys: CKA_ID is the HBK id. They are made as
 * copies, so that none is there without its name.
 */
export class ResidentKeys {
  readonly #token: Cryptoki;
  readonly #symmetric: Attributes;

  /** `symmetric`: what kms-symmetric keys may do beside signing. */
  constructor(token: Cryptoki, symmetric: Attributes = {}) {
    this.#token = token;
    this.#symmetric = symmetric;
  }

  /** Durable when it returns; `key` stays what it is. One that is there already is left alone. */
  keep(key: Handle, name: Bytes, meta: HbkMeta): void {
    if (meta.kind === "kms-private")
      throw new HsmError("unsupported", "key pairs are not kept as objects of the token");
    if (this.#find(name).length > 0) return;
    const attributes = { ...this.#attributesOf(meta), ...kept, id: name };
    const { extractable = false, derive = false } = attributes;
    // A copy is told what changes, and no more; quirks.copyStopsAtUnmodifiable.
    const guards = { ...(!extractable && { extractable }), modifiable: false };
    const object = this.#token.copy(key, { token: true, label, id: name, derive, ...guards });
    try {
      this.#token.verify(object, attributes);
    } catch (error) {
      this.#token.destroy(object);
      throw error;
    }
  }

  /** Whether it is the key that it is called is for the caller to check: whoever has the PIN can name one so. */
  open(name: Bytes, meta: HbkMeta): Handle {
    const [object, ...others] = this.#find(name);
    if (!object || others.length > 0) {
      throw new HsmError("refused", object ? "the token has several keys of this name" : "the token has lost the key");
    }
    this.#token.verify(object, { ...this.#attributesOf(meta), ...kept });
    return object;
  }

  /** The names of all, hexadecimal. */
  names(): string[] {
    return this.#token.find(place).map((object) => hex(this.#token.read(object, "id")));
  }

  /** Nothing where there is none. */
  destroy(name: Bytes): void {
    for (const object of this.#find(name)) this.#token.destroy(object);
  }

  /** Whether the token keeps such keys, by keeping one: throws `HsmError("unsupported")` where it does not. */
  test(): void {
    const name = Uint8Array.from(randomBytes(32));
    const meta = { kind: "audit" } as HbkMeta;
    const key = this.#token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, { ...moving, valueLen: 32 });
    try {
      this.keep(key, name, meta);
      this.open(name, meta);
    } catch (error) {
      if (!(error instanceof CryptokiError) || isOutage(error)) throw error;
      throw new HsmError("unsupported", `the token keeps no keys for wrapping: resident: ${error.message}`);
    } finally {
      this.#token.destroy(key);
      this.destroy(name);
    }
  }

  #find(name: Bytes): Handle[] {
    return this.#token.find({ ...place, id: name });
  }

  #attributesOf({ kind }: HbkMeta): Attributes {
    if (isReleased(kind)) return readable(this.#token);
    return kind === "kms-symmetric" ? { ...used, ...this.#symmetric } : used;
  }
}
