import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, wipe } from "../../base/secret.ts";
import type { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import { importedPair } from "../../engine/asymmetric/imported-pair.ts";
import { generateKeyPair } from "../../engine/asymmetric/key-pairs.ts";
import { parseEkt } from "../../model/ekt.ts";
import { type HbkMeta, isExposed, isSameKey } from "../../model/hbk.ts";
import type { EncryptionAlgorithm, HbkSpec, WrappingAlgorithm } from "../../model/key-spec.ts";
import { isMaterialLength, type Wrapping } from "../../model/wrapping.ts";
import type { Ekt, ImportedKey, Imports, NewKeyPair } from "../hsm.ts";
import type { Domain } from "./domain.ts";
import { sealExposed, withExposed } from "./exposed-keys.ts";
import { refusal, requireServed } from "./served.ts";

const ephemeralLength = 32;
/**
 * HMAC pads its keys with zeros (FIPS 198-1 §4), so the 16 bytes of an SM4 key may be padded to what every token's HMAC
 * takes: SoftHSM's refuses shorter keys, and the key may move there.
 */
const leastLength = 32;

/** Material from outside: its wrapping key and itself are in this process for one call, until a token is made over it. */
export class SoftImports implements Imports {
  readonly #domain: Domain;
  readonly #asymmetric: Asymmetric;

  constructor(domain: Domain, asymmetric: Asymmetric) {
    this.#domain = domain;
    this.#asymmetric = asymmetric;
  }

  refusal(_spec: HbkSpec, { keySpec }: Wrapping): string | undefined {
    return refusal(this.#asymmetric, this.#domain.engine, keySpec, "ENCRYPT_DECRYPT");
  }

  async wrappingKey(meta: HbkMeta): Promise<NewKeyPair> {
    const pair = await generateKeyPair(meta.spec, (length) => this.#domain.boundary.random(length));
    try {
      return { ekt: this.#domain.boundary.import(this.#domain.head(meta), pair.privateKey), publicKey: pair.publicKey };
    } finally {
      wipe(pair.privateKey);
    }
  }

  async unwrap(
    meta: HbkMeta,
    wrapping: Ekt,
    algorithm: WrappingAlgorithm,
    wrapped: Bytes,
  ): Promise<ImportedKey | "unfit" | null> {
    requireServed(this.#asymmetric, this.#domain.engine, meta);
    if (!isSameKey(parseEkt(wrapping).meta, meta)) throw new HsmError("refused", "the wrapping key is for another key");
    const material = await withExposed(this.#domain, wrapping, "INTERNAL", (pkcs8) =>
      this.#open(pkcs8, parseEkt(wrapping).meta.spec, algorithm, wrapped),
    );
    if (!material) return null;
    try {
      return await this.#take(meta, material);
    } finally {
      wipe(material);
    }
  }

  #open(pkcs8: Bytes, spec: HbkSpec, algorithm: WrappingAlgorithm, wrapped: Bytes): Bytes | null {
    if (!algorithm.startsWith("RSA_AES")) {
      return this.#asymmetric.decrypt(algorithm as EncryptionAlgorithm, pkcs8, wrapped);
    }
    const split = Number(spec.slice("RSA_".length)) / 8;
    const oaep = algorithm === "RSA_AES_KEY_WRAP_SHA_1" ? "RSAES_OAEP_SHA_1" : "RSAES_OAEP_SHA_256";
    const ephemeral = this.#asymmetric.decrypt(oaep, pkcs8, wrapped.subarray(0, split));
    try {
      return ephemeral?.length === ephemeralLength
        ? this.#domain.engine.kwpUnwrap(ephemeral, wrapped.subarray(split))
        : null;
    } finally {
      wipe(ephemeral ?? undefined);
    }
  }

  async #take(meta: HbkMeta, material: Bytes): Promise<ImportedKey | "unfit"> {
    if (meta.kind === "kms-private") return this.#takePair(meta, material);
    if (!isMaterialLength(meta.spec, material.length)) return "unfit";
    if (isExposed(meta)) return { ekt: sealExposed(this.#domain, meta, material) };
    const padded = secret(Math.max(material.length, leastLength));
    padded.set(material);
    try {
      return { ekt: this.#domain.boundary.import(this.#domain.head(meta), padded) };
    } finally {
      wipe(padded);
    }
  }

  async #takePair(meta: HbkMeta, material: Bytes): Promise<ImportedKey | "unfit"> {
    const pair = await importedPair(this.#asymmetric, meta.spec, material);
    if (!pair) return "unfit";
    const { publicKey, privateKey } = pair;
    try {
      return { ekt: this.#domain.boundary.importExposed(this.#domain.head(meta), publicKey, privateKey), publicKey };
    } finally {
      wipe(privateKey);
    }
  }
}
