import type { Bytes } from "../../base/bytes.ts";
import { wipe } from "../../base/secret.ts";
import { decapsulate } from "../../engine/asymmetric/agreement.ts";
import type { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import { generateKeyPair } from "../../engine/asymmetric/key-pairs.ts";
import type { KeyPair } from "../../engine/asymmetric/keys.ts";
import { parseEkt } from "../../model/ekt.ts";
import type { HbkMeta } from "../../model/hbk.ts";
import type {
  DataKeyPairSpec,
  EncryptionAlgorithm,
  HbkSpec,
  MessageType,
  SigningAlgorithm,
} from "../../model/key-spec.ts";
import type { DataKeyPair, Ekt, KeyPairs, NewKeyPair } from "../hsm.ts";
import type { Domain } from "./domain.ts";
import { withExposed } from "./exposed-keys.ts";
import { requireServed } from "./served.ts";

/** Key pairs of the soft HSM: their private keys are in the boundary at rest, and in this process for one call. */
export class SoftKeyPairs implements KeyPairs {
  readonly #domain: Domain;
  readonly #asymmetric: Asymmetric;

  constructor(domain: Domain, asymmetric: Asymmetric) {
    this.#domain = domain;
    this.#asymmetric = asymmetric;
  }

  async generate(meta: HbkMeta): Promise<NewKeyPair> {
    requireServed(this.#asymmetric, this.#domain.engine, meta);
    const { publicKey, privateKey } = await this.#generate(meta.spec);
    try {
      return { ekt: this.#domain.boundary.importExposed(this.#domain.head(meta), publicKey, privateKey), publicKey };
    } finally {
      wipe(privateKey);
    }
  }

  async generateDataKeyPair(
    key: Ekt,
    spec: DataKeyPairSpec,
    aad: Bytes,
    want: "both" | "ciphertext",
  ): Promise<DataKeyPair> {
    const { publicKey, privateKey } = await this.#generate(spec);
    let kept = false;
    try {
      const ciphertext = this.#domain.boundary.encrypt(this.#domain.met(key), aad, privateKey);
      kept = want === "both";
      return kept ? { publicKey, ciphertext, plaintext: privateKey } : { publicKey, ciphertext };
    } finally {
      if (!kept) wipe(privateKey);
    }
  }

  refusal(algorithm: SigningAlgorithm, type: MessageType): string | undefined {
    return this.#asymmetric.refusal(algorithm, type);
  }

  sign(key: Ekt, algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Promise<Bytes> {
    return withExposed(this.#domain, key, "SIGN_VERIFY", (pkcs8) =>
      this.#asymmetric.sign(algorithm, pkcs8, message, type),
    );
  }

  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes): Promise<Bytes | null> {
    return withExposed(this.#domain, key, "ENCRYPT_DECRYPT", (pkcs8) =>
      this.#asymmetric.decrypt(algorithm, pkcs8, ciphertext),
    );
  }

  deriveSharedSecret(key: Ekt, publicKey: Bytes): Promise<Bytes | null> {
    const { spec } = parseEkt(key).meta;
    return withExposed(this.#domain, key, "KEY_AGREEMENT", (pkcs8) =>
      this.#asymmetric.deriveSharedSecret(spec, pkcs8, publicKey),
    );
  }

  decapsulate(key: Ekt, ciphertext: Bytes): Promise<Bytes> {
    return withExposed(this.#domain, key, "ENCAPSULATE_DECAPSULATE", (pkcs8) => decapsulate(pkcs8, ciphertext));
  }

  #generate(spec: HbkSpec): Promise<KeyPair> {
    return generateKeyPair(spec, (length) => this.#domain.boundary.random(length));
  }
}
