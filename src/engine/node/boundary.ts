import { isDeepStrictEqual } from "node:util";
import { type Bytes, concat, equalBytes } from "../../base/bytes.ts";
import { HsmError, refused } from "../../base/errors.ts";
import { secretFrom } from "../../base/secret.ts";
import {
  buildHeader,
  headerLength,
  ivLength,
  nonceLength,
  parseHeader,
  type Suite,
  suiteOf,
} from "../../model/ciphertext.ts";
import { parseEktHead } from "../../model/ekt.ts";
import { type HbkKind, type HbkMeta, type HbkUsage, isExposed } from "../../model/hbk.ts";
import { isKeyDerivation, kbkdfFixedInput } from "../../model/kbkdf.ts";
import type { Boundary } from "../boundary.ts";
import type { Drbg, Engine } from "../engine.ts";
import { EntropySource, personalization } from "../entropy.ts";
import { openBy, sealBy } from "../suites.ts";
import { type OpenKey, Tokens, wiping } from "./tokens.ts";

const longestPlaintext = 4096;
const longestAad = 16_384;

/**
 * The reference of the boundary. Its walls are JavaScript's: domain keys and HBKs are arrays made by `secret`, wiped when
 * the call ends (domain keys at `dropDomainKey` and `close`), in memory that the whole process can read.
 */
export class NodeBoundary implements Boundary {
  readonly #engine: Engine;
  readonly #entropy = new EntropySource();
  readonly #drbg: Drbg;
  readonly #keptTokens: Tokens;
  #open = true;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#drbg = wiping(this.#entropy.take(48), (entropy) => engine.drbg(entropy, personalization()));
    this.#keptTokens = new Tokens(engine, (length) => this.random(length));
  }

  setRoot(key: Bytes): void {
    this.#tokens.setRoot(key);
  }

  generateDomainKey(id: Bytes): void {
    this.#tokens.holdDomainKey(id, this.random(32));
  }

  sealDomainKey(id: Bytes): Bytes {
    return this.#tokens.sealDomainKey(id);
  }

  openDomainKey(id: Bytes, sealed: Bytes): boolean {
    return this.#tokens.openDomainKey(id, sealed);
  }

  dropDomainKey(id: Bytes): void {
    this.#tokens.dropDomainKey(id);
  }

  generate(head: Bytes, length: number): Bytes {
    assertWithin(length, 16, 64);
    return wiping(this.random(length), (material) => this.#tokens.seal(head, material));
  }

  import(head: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, 4096);
    const { kind, origin } = parseEktHead(head).meta;
    if (kind === "kms-symmetric" && origin !== "EXTERNAL") throw refused("the key does not come from outside");
    return this.#tokens.seal(head, material);
  }

  importExposed(head: Bytes, commitment: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, 4096);
    assertWithin(commitment.length, 1, 4096);
    const name = this.#tokens.nameBy(parseEktHead(head).meta.keyId, commitment);
    return this.#tokens.sealExposed(head, name, material);
  }

  expose(ekt: Bytes, usage: HbkUsage): Bytes {
    return this.#tokens.open(ekt, ({ meta, material }) => {
      assertServes(meta, ["kms-private", "kms-hmac", "import"], usage);
      if (!isExposed(meta) && meta.kind !== "import") throw refused("the key is used inside of the boundary");
      return secretFrom(material);
    });
  }

  rewrap(ekt: Bytes, head: Bytes): Bytes {
    return this.#tokens.open(ekt, ({ meta, material, hbkId }) => {
      const { meta: next } = parseEktHead(head);
      if (!isDeepStrictEqual({ ...next, region: meta.region }, meta)) throw refused("the head is of another key");
      return isExposed(meta)
        ? this.#tokens.sealExposed(head, hbkId, material)
        : this.#tokens.seal(head, material, hbkId);
    });
  }

  release(ekt: Bytes): Bytes {
    return this.#tokens.open(ekt, ({ meta, material }) => {
      assertServes(meta, ["record", "index"], "INTERNAL");
      return secretFrom(material);
    });
  }

  encrypt(ekt: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    assertWithin(aad.length, 0, longestAad);
    assertWithin(plaintext.length, 0, longestPlaintext);
    return this.#tokens.open(ekt, (key) => {
      const suite = suiteFor(key.meta);
      const fresh = this.random(nonceLength + ivLength);
      const [nonce, iv] = [fresh.subarray(0, nonceLength), fresh.subarray(nonceLength)];
      const header = buildHeader(suite, key.hbkId, nonce, iv);
      const sealed = wiping(this.#callKey(key, suite, nonce), (callKey) =>
        sealBy(suite, this.#engine, callKey, iv, concat(header, aad), plaintext),
      );
      return concat(header, sealed);
    });
  }

  decrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes): Bytes | null {
    assertWithin(aad.length, 0, longestAad);
    return this.#tokens.open(ekt, (key) => {
      const suite = suiteFor(key.meta);
      const header = parseHeader(ciphertext);
      if (header?.suite !== suite.code || !equalBytes(header.hbkId, key.hbkId)) return null;
      const authenticated = concat(ciphertext.subarray(0, headerLength), aad);
      return wiping(this.#callKey(key, suite, header.nonce), (callKey) =>
        openBy(suite, this.#engine, callKey, header.iv, authenticated, ciphertext.subarray(headerLength)),
      );
    });
  }

  generateDataKey(ekt: Bytes, aad: Bytes, length: number, want: "both" | "ciphertext") {
    return wiping(this.random(length), (plaintext) => {
      const ciphertext = this.encrypt(ekt, aad, plaintext);
      return want === "both" ? { ciphertext, plaintext: secretFrom(plaintext) } : { ciphertext };
    });
  }

  reEncrypt(
    source: { ekt: Bytes; aad: Bytes; ciphertext: Bytes },
    destination: { ekt: Bytes; aad: Bytes },
  ): Bytes | null {
    const opened = this.decrypt(source.ekt, source.aad, source.ciphertext);
    return opened && wiping(opened, (plaintext) => this.encrypt(destination.ekt, destination.aad, plaintext));
  }

  mac(ekt: Bytes, message: Bytes): Bytes {
    return this.#tokens.open(ekt, ({ meta, material }) => {
      assertServes(meta, ["sigv4", "kms-hmac"], meta.kind === "sigv4" ? "INTERNAL" : "GENERATE_VERIFY_MAC");
      if (isExposed(meta)) throw refused("the boundary does not compute with such keys");
      if (isKeyDerivation(message)) throw refused("the message has the form of a key derivation");
      return this.#engine.hmacSha256(material, message);
    });
  }

  wrapFor(ekt: Bytes, transportKey: Bytes): Bytes {
    return this.#tokens.open(ekt, ({ material }) => this.#engine.kwpWrap(transportKey, material));
  }

  unwrapFrom(head: Bytes, hbkId: Bytes, transportKey: Bytes, wrapped: Bytes): Bytes {
    const opened = this.#engine.kwpUnwrap(transportKey, wrapped);
    if (!opened) throw refused("the exported material is not authentic");
    return wiping(opened, (material) => this.#tokens.seal(head, material, hbkId));
  }

  random(length: number): Bytes {
    this.#assertOpen();
    assertWithin(length, 1, 1024);
    return wiping(this.#entropy.take(32), (fresh) => this.#drbg.generate(length, fresh));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#keptTokens.close();
    this.#drbg.uninstantiate();
    this.#entropy.close();
  }

  get #tokens(): Tokens {
    this.#assertOpen();
    return this.#keptTokens;
  }

  #assertOpen(): void {
    if (!this.#open) throw new HsmError("internal", "the boundary is closed");
  }

  #callKey(key: OpenKey, suite: Suite, nonce: Bytes): Bytes {
    return this.#engine.kbkdf(key.material, kbkdfFixedInput(suite.label, key.meta.keyId, nonce));
  }
}

/** Of what the key makes and opens. */
function suiteFor(meta: HbkMeta): Suite {
  assertServes(meta, ["kms-symmetric"], "ENCRYPT_DECRYPT");
  const suite = suiteOf(meta.spec);
  if (!suite) throw refused("the key token is of another spec");
  return suite;
}

function assertServes(meta: HbkMeta, kinds: readonly HbkKind[], usage: HbkUsage): void {
  if (!kinds.includes(meta.kind) || meta.usage !== usage) throw refused("the key token is of another kind or usage");
}

function assertWithin(value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError("a length is out of bounds");
}
