import { type Bytes, concat, equalBytes } from "../../../base/bytes.ts";
import { wipe } from "../../../base/secret.ts";
import {
  buildHeader,
  headerLength,
  ivLength,
  nonceLength,
  parseHeader,
  type Suite,
  suiteOf,
} from "../../../model/ciphertext.ts";
import type { DataKey } from "../../hsm.ts";
import type { Cryptoki, Mechanism } from "../cryptoki/cryptoki.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import type { BackingKey } from "./backing-keys.ts";
import type { CallCipher } from "./call-cipher.ts";
import type { Operations } from "./operations.ts";
import type { TokenRandom } from "./token-random.ts";

/** One after the other in the thread of JavaScript: for every module, engine and boundary. */
export class SerialOperations implements Operations {
  readonly #token: Cryptoki;
  readonly #cipher: CallCipher;
  readonly #random: TokenRandom;

  constructor(token: Cryptoki, cipher: CallCipher, random: TokenRandom) {
    this.#token = token;
    this.#cipher = cipher;
    this.#random = random;
  }

  seal(key: BackingKey, plaintext: Bytes, aad: Bytes): Bytes {
    const fresh = this.#random.generate(nonceLength + ivLength);
    const nonce = fresh.subarray(0, nonceLength);
    const iv = fresh.subarray(nonceLength);
    const suite = suiteOf(key.meta.spec) as Suite;
    const header = buildHeader(suite, key.hbkId, nonce, iv);
    const call = { hbk: key.handle, suite, keyId: key.meta.keyId, nonce };
    return concat(header, this.#cipher.seal(call, iv, concat(header, aad), plaintext));
  }

  open(key: BackingKey, ciphertext: Bytes, aad: Bytes): Bytes | null {
    const suite = suiteOf(key.meta.spec) as Suite;
    const header = parseHeader(ciphertext);
    if (header?.suite !== suite.code || !equalBytes(header.hbkId, key.hbkId)) return null;
    const authenticated = concat(ciphertext.subarray(0, headerLength), aad);
    const call = { hbk: key.handle, suite, keyId: key.meta.keyId, nonce: header.nonce };
    return this.#cipher.open(call, header.iv, authenticated, ciphertext.subarray(headerLength));
  }

  dataKey(key: BackingKey, length: number, aad: Bytes, want: "both" | "ciphertext"): DataKey {
    const plaintext = this.#random.generate(length);
    const ciphertext = this.seal(key, plaintext, aad);
    if (want === "both") return { ciphertext, plaintext };
    wipe(plaintext);
    return { ciphertext };
  }

  reEncrypt(from: BackingKey, ciphertext: Bytes, aad: Bytes, to: BackingKey, toAad: Bytes): Bytes | null {
    const plaintext = this.open(from, ciphertext, aad);
    if (!plaintext) return null;
    try {
      return this.seal(to, plaintext, toAad);
    } finally {
      wipe(plaintext);
    }
  }

  mac(key: BackingKey, message: Bytes): Bytes {
    return this.#token.hmac(key.handle, message, macHashOf(key.meta));
  }

  sign(mechanism: Mechanism, key: BackingKey, data: Bytes): Bytes {
    return this.#token.sign(mechanism, key.handle, data);
  }

  decrypt(mechanism: Mechanism, key: BackingKey, ciphertext: Bytes): Bytes {
    return this.#token.decrypt(mechanism, key.handle, ciphertext);
  }

  random(length: number): Bytes {
    return this.#random.generate(length);
  }

  get made(): number {
    return this.#cipher.made;
  }
}
