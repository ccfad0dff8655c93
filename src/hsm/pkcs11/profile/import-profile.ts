import { createHmac } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { type Bytes, concat, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { KeyPair } from "../../../engine/asymmetric/keys.ts";
import type { Engine } from "../../../engine/engine.ts";
import { algorithmsOf, keyTypeOf } from "../../../model/algorithms.ts";
import { type HbkKind, type HbkMeta, kindOfSpec } from "../../../model/hbk.ts";
import { type HbkSpec, keyUsages, type WrappingAlgorithm } from "../../../model/key-spec.ts";
import { isMaterialLength, wrappingRefusal } from "../../../model/wrapping.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import { type PairAbilities, pairRefusal } from "../keys/pair-abilities.ts";
import { usedAs } from "../keys/private-key.ts";
import { encryptOaep } from "../keys/rsa.ts";
import { publicKeyOf, testOaep } from "../keys/transport-key.ts";
import { hashOf, isTwofold, kwpOf, type Unwrapped, Unwrapping } from "../keys/unwrapping.ts";
import { bestOf, createKek, knownKek, knownMessage, type Wrappings, wrapOutside } from "../keys/wrapping.ts";
import type { ImportAbilities } from "./import-abilities.ts";
import { knownPair } from "./pair-profile.ts";

const algorithms = [
  "RSAES_OAEP_SHA_1",
  "RSAES_OAEP_SHA_256",
  "RSA_AES_KEY_WRAP_SHA_1",
  "RSA_AES_KEY_WRAP_SHA_256",
] as const satisfies readonly WrappingAlgorithm[];

const specs = [
  "SYMMETRIC_DEFAULT",
  "SM4",
  "HMAC_224",
  "HMAC_256",
  "HMAC_384",
  "HMAC_512",
  "RSA_2048",
  "ECC_NIST_P256",
  "ECC_NIST_P384",
  "ECC_NIST_P521",
  "ECC_SECG_P256K1",
] as const satisfies readonly HbkSpec[];

/** Tries every wrapping with known material of every spec, under a known key that came in as real ones do. */
export async function findImportAbilities(
  token: Cryptoki,
  engine: Engine,
  wrappings: Wrappings,
  pairs: PairAbilities,
): Promise<ImportAbilities> {
  if (pairs.lacks.RSA !== undefined) return noImports(pairs.lacks.RSA);
  const takes: { [Algorithm in WrappingAlgorithm]?: readonly HbkSpec[] } = {};
  const lacks: { [Algorithm in WrappingAlgorithm]?: string } = {};
  const trial = await Trial.begin(token, engine, wrappings);
  try {
    for (const algorithm of algorithms) {
      const lack = trial.lackOf(algorithm);
      if (lack !== undefined) {
        lacks[algorithm] = lack;
        continue;
      }
      const valid = specs.filter((spec) => wrappingRefusal(spec, { algorithm, keySpec: "RSA_4096" }) === undefined);
      const taken: HbkSpec[] = [];
      for (const spec of valid) {
        await turn();
        if (isServed(pairs, spec) && (await trial.takes(algorithm, spec))) taken.push(spec);
      }
      takes[algorithm] = taken;
    }
    return { takes, lacks };
  } finally {
    trial.end();
  }
}

const noImports = (reason: string): ImportAbilities => ({
  takes: {},
  lacks: Object.fromEntries(algorithms.map((algorithm) => [algorithm, reason])),
});

const isServed = (pairs: PairAbilities, spec: HbkSpec): boolean =>
  keyTypeOf(spec) !== "asymmetric" ||
  keyUsages.some((usage) => algorithmsOf(spec, usage) && pairRefusal(pairs, spec, usage) === undefined);

class Trial {
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  readonly #unwrapping: Unwrapping;
  readonly #hasKwp: boolean;
  readonly #privateKey: Handle;
  readonly #spki: Bytes;

  static async begin(token: Cryptoki, engine: Engine, wrappings: Wrappings): Promise<Trial> {
    const known = await knownPair("RSA_2048");
    const { suite, unwrap } = bestOf(wrappings);
    const kek = createKek(token, knownKek);
    try {
      const wrapped = wrapOutside(engine, suite, knownKek, known.privateKey);
      const privateKey = unwrap(kek, wrapped, usedAs(metaOf("RSA_2048", "import")));
      return new Trial(token, engine, wrappings, privateKey, known.publicKey);
    } finally {
      token.destroy(kek);
    }
  }

  private constructor(token: Cryptoki, engine: Engine, wrappings: Wrappings, privateKey: Handle, spki: Bytes) {
    this.#token = token;
    this.#engine = engine;
    this.#unwrapping = new Unwrapping(token, wrappings);
    this.#hasKwp = kwpOf(wrappings) !== undefined;
    this.#privateKey = privateKey;
    this.#spki = spki;
  }

  end(): void {
    this.#token.destroy(this.#privateKey);
  }

  /** Why nothing unwraps by it. */
  lackOf(algorithm: WrappingAlgorithm): string | undefined {
    if (isTwofold(algorithm) && !this.#hasKwp) return "it lacks RFC 5649 key wrap";
    if (testOaep(this.#token, this.#privateKey, this.#spki, [hashOf(algorithm)])) return undefined;
    return `it lacks RSA-OAEP with ${hashOf(algorithm) === "sha1" ? "SHA-1" : "SHA-256"}`;
  }

  async takes(algorithm: WrappingAlgorithm, spec: HbkSpec): Promise<boolean> {
    try {
      return keyTypeOf(spec) === "asymmetric"
        ? this.#takesPair(algorithm, spec, await knownPair(spec))
        : this.#takesSecrets(algorithm, spec);
    } catch (error) {
      if (error instanceof CryptokiError || error instanceof HsmError) return false;
      throw error;
    }
  }

  #takesPair(algorithm: WrappingAlgorithm, spec: HbkSpec, { privateKey, publicKey }: KeyPair): boolean {
    const taken = this.#take(algorithm, metaOf(spec, "kms-private"), privateKey);
    if (!taken || taken === "unfit") return false;
    this.#token.destroy(taken.key);
    return taken.spki !== undefined && equalBytes(taken.spki, publicKey);
  }

  /** Those that are as long as they may be, and no others. */
  #takesSecrets(algorithm: WrappingAlgorithm, spec: HbkSpec): boolean {
    const fitting = known.map((_, length) => length).filter((length) => isMaterialLength(spec, length));
    const [least, most] = [Math.min(...fitting), Math.max(...fitting)];
    return [least - 1, least, most, most + 1].every((length) => this.#takesSecret(algorithm, spec, length));
  }

  #takesSecret(algorithm: WrappingAlgorithm, spec: HbkSpec, length: number): boolean {
    const meta = metaOf(spec, kindOfSpec(spec));
    const material = known.subarray(0, length);
    const taken = this.#take(algorithm, meta, material);
    if (!taken || taken === "unfit") return taken === "unfit" && !isMaterialLength(spec, length);
    try {
      const hash = macHashOf(meta);
      const expected = createHmac(hash, material).update(knownMessage).digest();
      return isMaterialLength(spec, length) && equalBytes(this.#token.hmac(taken.key, knownMessage, hash), expected);
    } finally {
      this.#token.destroy(taken.key);
    }
  }

  #take(algorithm: WrappingAlgorithm, meta: HbkMeta, material: Bytes): Unwrapped | "unfit" | null {
    const seal = (plaintext: Bytes) => encryptOaep(publicKeyOf(this.#spki), hashOf(algorithm), plaintext);
    const wrapped = isTwofold(algorithm)
      ? concat(seal(knownKek), this.#engine.kwpWrap(knownKek, material))
      : seal(material);
    return this.#unwrapping.take(meta, this.#privateKey, algorithm, wrapped, split);
  }
}

/** Of RSA_2048. */
const split = 256;
/** Protects nothing; longer than any secret key. */
const known = new Uint8Array(256).fill(0x5a);

const metaOf = (spec: HbkSpec, kind: HbkKind): HbkMeta => ({
  kind,
  spec,
  usage: "INTERNAL",
  origin: "EXTERNAL",
  account: "",
  region: "",
  keyId: new Uint8Array(16),
});
