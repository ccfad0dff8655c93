import { setImmediate as turn } from "node:timers/promises";
import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import { generateKeyPair } from "../../../engine/asymmetric/key-pairs.ts";
import { type KeyPair, spkiOf } from "../../../engine/asymmetric/keys.ts";
import { rsaKey } from "../../../engine/asymmetric/known-answers.ts";
import type { Engine } from "../../../engine/engine.ts";
import { type Algorithm, algorithmsOf } from "../../../model/algorithms.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { EncryptionAlgorithm, HbkSpec, KeyUsage } from "../../../model/key-spec.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { type PairAbilities, type PairFamily, pairFamilies, type Unpadding } from "../keys/pair-abilities.ts";
import { generationOf, movingPrivate, usedAs } from "../keys/private-key.ts";
import { publicKeyOf, publicKeysOf, unwrapNamed } from "../keys/public-key.ts";
import { createKek, knownKek, unwrapOutside, type Wrapping, wrapOutside } from "../keys/wrapping.ts";
import { fits, type TestedKey } from "./pair-test.ts";

const usages = ["SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT"] as const;

/**
 * Tries what is done with key pairs, each with a known key, which comes in under a wrapping key as real ones do. RSA keys
 * are not made here, which would take seconds: each is tried when it is made.
 */
export async function findPairAbilities(token: Cryptoki, engine: Engine, wrapping: Wrapping): Promise<PairAbilities> {
  const trial = new Trial(token, engine, wrapping);
  const works: { [Family in PairFamily]?: readonly Algorithm[] } = {};
  const lacks: { [Family in PairFamily]?: string } = {};
  try {
    for (const family of pairFamilies) {
      await turn();
      try {
        works[family] = await trial.of(family === "RSA" ? "RSA_2048" : family);
      } catch (error) {
        lacks[family] = reasonOf(error);
      }
    }
    const mostBits = lacks.RSA === undefined ? token.largestKey(pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN) : 0;
    return { works, lacks, mostBits, unpadded: trial.unpadded };
  } finally {
    trial.end();
  }
}

/** A failure of the module, or what it has not kept to. */
function reasonOf(error: unknown): string {
  if (error instanceof CryptokiError || error instanceof HsmError) return error.message;
  throw error;
}

class Trial {
  readonly unpadded: EncryptionAlgorithm[] = [];
  readonly #token: Cryptoki;
  readonly #engine: Engine;
  readonly #wrapping: Wrapping;
  readonly #kek: Handle;

  constructor(token: Cryptoki, engine: Engine, wrapping: Wrapping) {
    this.#token = token;
    this.#engine = engine;
    this.#wrapping = wrapping;
    this.#kek = createKek(token, knownKek);
  }

  /** The algorithms that work with keys of `spec`. Throws where such keys cannot be wrapped, unwrapped, named or made. */
  async of(spec: HbkSpec): Promise<Algorithm[]> {
    const known = await knownPair(spec);
    const wrapped = wrapOutside(this.#engine, this.#wrapping.suite, knownKek, known.privateKey);
    this.#moves(metaOf(spec, "SIGN_VERIFY"), wrapped, known.publicKey);
    await this.#makes(metaOf(spec, "SIGN_VERIFY"));
    const working: Algorithm[] = [];
    for (const usage of usages) {
      const algorithms = algorithmsOf(spec, usage);
      if (!algorithms) continue;
      await this.#unwrapped(metaOf(spec, usage), wrapped, async (handle) => {
        for (const algorithm of algorithms) {
          await turn();
          if (await this.#fits({ handle, spki: known.publicKey, spec }, algorithm)) working.push(algorithm);
        }
      });
    }
    return working;
  }

  end(): void {
    this.#token.destroy(this.#kek);
  }

  /** In and out again, under its name. */
  #moves(meta: HbkMeta, wrapped: Bytes, spki: Bytes): void {
    const { suite, wrap, unwrap } = this.#wrapping;
    const isOwn = (candidate: Bytes) => equalBytes(candidate, spki);
    const key = unwrapNamed(this.#token, meta, (attributes) => unwrap(this.#kek, wrapped, attributes), isOwn);
    try {
      const pkcs8 = unwrapOutside(this.#engine, suite, knownKek, wrap(this.#kek, key));
      const same = equalBytes(spkiOf(pkcs8), spki);
      wipe(pkcs8);
      if (!same) throw new HsmError("internal", "private keys do not come out as they went in");
    } finally {
      this.#token.destroy(key);
    }
  }

  async #makes(meta: HbkMeta): Promise<void> {
    if (meta.spec.startsWith("RSA_")) return;
    const { mechanism, publicKey, privateKey } = generationOf(meta);
    await this.#token.withKeyPair(mechanism, publicKey, privateKey, (pair) => {
      this.#token.restrict(pair.privateKey, movingPrivate(meta));
      const spki = publicKeyOf(this.#token, pair.publicKey, meta.spec);
      const candidates = publicKeysOf(this.#token, pair.privateKey, meta.spec);
      if (!candidates.some((candidate) => equalBytes(candidate, spki))) {
        throw new HsmError("internal", "the halves of a new key pair do not belong together");
      }
    });
  }

  async #unwrapped(meta: HbkMeta, wrapped: Bytes, use: (key: Handle) => Promise<void>): Promise<void> {
    const key = this.#wrapping.unwrap(this.#kek, wrapped, usedAs(meta));
    try {
      await use(key);
    } finally {
      this.#token.destroy(key);
    }
  }

  async #fits(key: TestedKey, algorithm: Algorithm): Promise<boolean> {
    if (await this.#does(key, algorithm, "token")) return true;
    if (!algorithm.startsWith("RSAES") || !(await this.#does(key, algorithm, "worker"))) return false;
    this.unpadded.push(algorithm as EncryptionAlgorithm);
    return true;
  }

  async #does(key: TestedKey, algorithm: Algorithm, unpadding: Unpadding): Promise<boolean> {
    try {
      return await fits(this.#token, key, algorithm, unpadding);
    } catch (error) {
      reasonOf(error);
      return false;
    }
  }
}

const metaOf = (spec: HbkSpec, usage: KeyUsage): HbkMeta => ({
  kind: "kms-private",
  spec,
  usage,
  origin: "AWS_KMS",
  account: "",
  region: "",
  keyId: new Uint8Array(16),
});

const knownPairs = new Map<HbkSpec, Promise<KeyPair>>();

/** Of an RSA key of 2,048 bits, or one of an elliptic curve. It protects nothing, and is the same for whoever asks. */
export const knownPair = (spec: HbkSpec): Promise<KeyPair> => knownPairs.getOrInsertComputed(spec, makeKnownPair);

async function makeKnownPair(spec: HbkSpec): Promise<KeyPair> {
  if (!spec.startsWith("RSA_")) return generateKeyPair(spec, (length) => new Uint8Array(length).fill(0x5a));
  const privateKey = fromHex(rsaKey);
  return { privateKey, publicKey: spkiOf(privateKey) };
}
