import pkcs11js from "pkcs11js";
import { hex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import type { MethodOf } from "../protocol.ts";

/** What all labels of ours begin with. */
const ours = "strongroom ";

/** What is in a token, as the worker sees it, and the removal of what came while it looked. */
export class TokenInventory implements Record<MethodOf<"inventory">, (...args: never[]) => unknown> {
  readonly #token: Cryptoki;
  readonly #wasEmpty: boolean;

  constructor(token: Cryptoki) {
    this.#token = token;
    this.#wasEmpty = this.#ours().length === 0;
  }

  /** Class, label and id of each object that outlives its session, in order. */
  objects(): readonly string[] {
    return this.#all()
      .map((object) => `${this.#read(object, "class")} ${this.#read(object, "label")} ${this.#read(object, "id")}`)
      .sort();
  }

  /** Whether there was nothing of ours when this began. */
  wasEmpty(): boolean {
    return this.#wasEmpty;
  }

  /** Removes whatever is ours from a token that had nothing of ours; refused for any other. */
  clear(): void {
    if (!this.#wasEmpty) throw new HsmError("refused", "the token had domain keys before");
    for (const object of this.#ours()) this.#token.destroy(object);
  }

  /** 0: the token does not say, or has no limit. */
  mostSessions(): number {
    const most = this.#token.tokenInfo().maxSessionCount;
    // CK_EFFECTIVELY_INFINITE and CK_UNAVAILABLE_INFORMATION
    return most === 0xffff_ffff || most < 0 || most > 2 ** 32 ? 0 : most;
  }

  #all(): Handle[] {
    return this.#token.find({ token: true });
  }

  #ours(): Handle[] {
    return this.#all().filter((object) => this.#read(object, "label").startsWith(ours));
  }

  /** Empty where the object has no such attribute. */
  #read(object: Handle, name: "class" | "label" | "id"): string {
    try {
      const value = this.#token.read(object, name) as NonNullable<Attributes[typeof name]>;
      return value instanceof Uint8Array ? hex(value) : `${value}`;
    } catch (error) {
      const absent: readonly number[] = [pkcs11js.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11js.CKR_OBJECT_HANDLE_INVALID];
      if (error instanceof CryptokiError && absent.includes(error.code)) return "";
      throw error;
    }
  }
}
