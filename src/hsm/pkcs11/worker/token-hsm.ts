import { ByteReader, type Bytes, concat, uint32 } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/engine.ts";
import { cipherRefusal } from "../../../engine/suites.ts";
import { ciphertextOverhead, suiteOf } from "../../../model/ciphertext.ts";
import { parseEkt } from "../../../model/ekt.ts";
import type { HbkKind, HbkMeta, HbkUsage } from "../../../model/hbk.ts";
import { isKeyDerivation } from "../../../model/kbkdf.ts";
import type { EncryptionAlgorithm } from "../../../model/key-spec.ts";
import type { DomainKeyId } from "../../domain-key.ts";
import type { DataKey, Ekt, Health, Opening, Sealing } from "../../hsm.ts";
import { type Cryptoki, CryptokiError } from "../cryptoki/cryptoki.ts";
import type { BackingKey, BackingKeys } from "../keys/backing-keys.ts";
import { DataObjects } from "../keys/data-object.ts";
import type { Domain } from "../keys/domain.ts";
import { whyKept } from "../keys/kept.ts";
import { createMacKey } from "../keys/mac-key.ts";
import type { Operations, Soon } from "../keys/operations.ts";
import type { ImportMethod, MethodOf, PairMethod } from "../protocol.ts";
import { rewrap } from "./rewrap.ts";
import type { OpenToken } from "./service.ts";

const longestPlaintext = 4096;
const longestCiphertext = ciphertextOverhead + longestPlaintext;
const longestAad = 16_384;
const longestRandom = 1024;
const longestAnchor = 1024;
const longestSecret = 4096;
/** The kinds that the token makes, all of 32 bytes, and the usage of each. */
const generated: Partial<Record<HbkKind, HbkUsage>> = {
  "kms-symmetric": "ENCRYPT_DECRYPT",
  record: "INTERNAL",
  index: "INTERNAL",
  audit: "INTERNAL",
  import: "INTERNAL",
};

/** `Hsm` as the worker serves it: the contracts are those of hsm/hsm.ts. */
export class TokenHsm
  implements Record<Exclude<MethodOf<"hsm">, PairMethod | ImportMethod>, (...args: never[]) => unknown>
{
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  readonly #domain: Domain;
  readonly #keys: BackingKeys;
  readonly #operations: Operations;
  readonly #anchors: DataObjects;

  constructor({ token, engine, domain, keys }: OpenToken, operations: Operations) {
    this.#token = token;
    this.#engine = engine;
    this.#domain = domain;
    this.#keys = keys;
    this.#operations = operations;
    this.#anchors = new DataObjects(token, "strongroom anchor");
  }

  generateKey(meta: HbkMeta): Ekt {
    if (meta.kind === "kms-hmac") return this.#keys.generate(meta, Number(meta.spec.slice("HMAC_".length)) / 8);
    const isOfKind = meta.kind === "kms-symmetric" ? suiteOf(meta.spec) : meta.spec === "SYMMETRIC_DEFAULT";
    if (!isOfKind || meta.usage !== generated[meta.kind]) {
      throw new HsmError("unsupported", `the PKCS#11 driver makes no ${meta.spec} keys of kind ${meta.kind}`);
    }
    return this.#keys.generate(meta);
  }

  importKey(meta: HbkMeta, material: Bytes): Ekt {
    if (meta.kind !== "sigv4") throw refused("only SigV4 secrets come in the clear");
    requireWithin(material.length, 1, longestSecret);
    const key = createMacKey(this.#token, this.#engine, material);
    return this.#keys.passing(key, (key) => this.#keys.seal(meta, key));
  }

  encrypt(ekt: Ekt, algorithm: EncryptionAlgorithm, plaintext: Bytes, aad: Bytes): Soon<Bytes> {
    requireWithin(plaintext.length, 0, longestPlaintext);
    return this.#operations.seal(this.#symmetric(ekt, algorithm, aad), plaintext, aad);
  }

  decrypt(ekt: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes, aad: Bytes): Soon<Bytes | null> {
    const key = this.#symmetric(ekt, algorithm, aad);
    return ciphertext.length > longestCiphertext ? null : this.#operations.open(key, ciphertext, aad);
  }

  generateDataKey(ekt: Ekt, length: number, aad: Bytes, want: "both" | "ciphertext"): Soon<DataKey> {
    requireWithin(length, 1, longestRandom);
    return this.#operations.dataKey(this.#symmetric(ekt, "SYMMETRIC_DEFAULT", aad), length, aad, want);
  }

  reEncrypt(source: Opening, destination: Sealing): Soon<Bytes | null> {
    const from = this.#symmetric(source.key, source.algorithm, source.aad);
    const to = this.#symmetric(destination.key, destination.algorithm, destination.aad);
    const { ciphertext, aad } = source;
    if (ciphertext.length > longestCiphertext) return null;
    return this.#operations.reEncrypt(from, ciphertext, aad, to, destination.aad);
  }

  mac(ekt: Ekt, message: Bytes): Soon<Bytes> {
    const { kind } = parseEkt(ekt).meta;
    const usage = kind === "kms-hmac" ? "GENERATE_VERIFY_MAC" : "INTERNAL";
    const key = this.#keys.open(ekt, ["kms-hmac", "sigv4"], usage);
    if (isKeyDerivation(message)) throw refused("the message has the form of a key derivation");
    return this.#operations.mac(key, message);
  }

  replicate(ekt: Ekt, region: string): Ekt {
    const parsed = parseEkt(ekt);
    if (parsed.meta.usage === "INTERNAL") throw refused("only KMS keys are in several regions");
    const reason = whyKept(this.#domain.state.mode, parsed);
    if (reason) throw new HsmError("unsupported", reason);
    return rewrap(this.#domain, this.#keys, ekt, region);
  }

  release(ekt: Ekt): Bytes {
    return this.#keys.release(ekt, ["record", "index"], "INTERNAL");
  }

  random(length: number): Soon<Bytes> {
    requireWithin(length, 1, longestRandom);
    return this.#operations.random(length);
  }

  readAnchor(): Bytes | undefined {
    return this.#newestAnchor()?.anchor;
  }

  /** The new object first, then the old ones go: a crash leaves both, and the higher count holds. */
  writeAnchor(anchor: Bytes): void {
    requireWithin(anchor.length, 0, longestAnchor);
    const count = (this.#newestAnchor()?.count ?? 0) + 1;
    this.#keep(concat(uint32(count), anchor));
    this.#anchors.remove((value) => parseAnchor(value).count < count);
  }

  /** A token that is full is no fault of this worker, which another one would not meet. */
  #keep(anchor: Bytes): void {
    try {
      this.#anchors.add(anchor);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      this.#keys.probe(this.#domain.active());
      throw new HsmError("internal", `the token works, and keeps no anchor: ${error.message}`, { cause: error });
    }
  }

  /** Answers the domain keys that it unwraps by. */
  reload(): readonly DomainKeyId[] {
    this.#domain.load();
    this.#keys.forget();
    return this.#domain.usable;
  }

  /** Through the domain key: a module may answer everything else while its token is away. */
  health(): Health {
    this.#keys.probe(this.#domain.active());
    return { ok: true, detail: "the active domain key wraps and unwraps" };
  }

  #symmetric(ekt: Ekt, algorithm: EncryptionAlgorithm, aad: Bytes): BackingKey {
    if (algorithm !== "SYMMETRIC_DEFAULT") throw new HsmError("unsupported", `${algorithm} is not served`);
    requireWithin(aad.length, 0, longestAad);
    const key = this.#keys.open(ekt, ["kms-symmetric"], "ENCRYPT_DECRYPT");
    if (!suiteOf(key.meta.spec)) throw refused("the key token is of another spec");
    const reason = cipherRefusal(this.#engine, key.meta.spec);
    if (reason !== undefined) throw refused(reason);
    return key;
  }

  #newestAnchor(): Anchor | undefined {
    const anchors = this.#anchors.all().map(({ value }) => parseAnchor(value));
    return anchors.sort((a, b) => b.count - a.count)[0];
  }
}

interface Anchor {
  readonly count: number;
  readonly anchor: Bytes;
}

function parseAnchor(value: Bytes): Anchor {
  const reader = new ByteReader(value);
  return { count: reader.uint32(), anchor: reader.take(reader.remaining) };
}

function requireWithin(value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError("a length is out of bounds");
}
