import { type Bytes, uint32 } from "../../../base/bytes.ts";
import { refused } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import {
  fixedInputLength,
  type KbkdfLabel,
  namingMessage,
  noNonce,
  writeKbkdfFixedInput,
} from "../../../model/kbkdf.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import { committedId } from "./hbk-id.ts";
import { isPrivate } from "./private-key.ts";
import { publicKeysOf } from "./public-key.ts";

const counter = uint32(1);

/**
 * HBK ids: what keys of the token are called for ever, which also commits every ciphertext to its key; and the
 * derivation that they and the keys of calls come from.
 */
export class HbkNames {
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  /** The counter, and the fixed input of the derivation at hand: none of it is secret. */
  readonly #derivation = Buffer.concat([counter, new Uint8Array(fixedInputLength)]);

  constructor(token: Cryptoki, engine: Engine) {
    this.#token = token;
    this.#engine = engine;
  }

  /** Refused unless the key's name is `hbkId`, which is the answer. */
  require(meta: HbkMeta, key: Handle, hbkId: Bytes): Bytes {
    const named = this.#namesOf(meta, key).some((name) => this.#engine.equal(name, hbkId));
    if (!named) throw refused("the material is not that of the HBK id");
    return hbkId;
  }

  /** KBKDF (SP 800-108 §4.1): one block in counter mode is one HMAC, which the token computes. */
  derive(key: Handle, label: KbkdfLabel, keyId: Bytes, nonce: Bytes): Bytes {
    writeKbkdfFixedInput(this.#derivation, counter.length, label, keyId, nonce);
    return this.#token.hmac(key, this.#derivation);
  }

  /** What it may be called: a private key tells its public key but for a sign. */
  #namesOf(meta: HbkMeta, key: Handle): Bytes[] {
    if (!isPrivate(meta)) return [this.ofSecret(meta, key)];
    return publicKeysOf(this.#token, key, meta.spec).map((spki) => committedId(this.#engine, meta, spki));
  }

  /** Of a key that is not private. */
  ofSecret(meta: HbkMeta, key: Handle): Bytes {
    if (meta.kind !== "sigv4" && meta.kind !== "kms-hmac") return this.derive(key, "SR1-keyname", meta.keyId, noNonce);
    return committedId(this.#engine, meta, this.#token.hmac(key, namingMessage, macHashOf(meta)));
  }
}
