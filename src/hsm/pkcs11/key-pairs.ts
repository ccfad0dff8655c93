import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { type HbkMeta, kindOfSpec } from "../../model/hbk.ts";
import type { DataKeyPairSpec, EncryptionAlgorithm, MessageType, SigningAlgorithm } from "../../model/key-spec.ts";
import type { DataKeyPair, Ekt, KeyPairs } from "../hsm.ts";
import { signingRefusal } from "./keys/pair-abilities.ts";
import { refusal } from "./profile/served.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Key pairs of a token: worker/token-key-pairs.ts. */
export class Pkcs11KeyPairs implements KeyPairs {
  readonly #workers: WorkerPool<"hsm">;

  constructor(workers: WorkerPool<"hsm">) {
    this.#workers = workers;
  }

  async generate(meta: HbkMeta): Promise<{ readonly ekt: Ekt; readonly publicKey: Bytes }> {
    const { kind, spec, usage } = meta;
    const reason =
      usage === "INTERNAL" || kindOfSpec(spec) !== kind
        ? `There are no ${spec} keys of kind ${kind} for ${usage}.`
        : refusal(this.#workers.profile, this.#workers.info, spec, usage);
    if (reason !== undefined) throw new HsmError("unsupported", reason);
    return this.#workers.call("generatePair", meta);
  }

  generateDataKeyPair(key: Ekt, spec: DataKeyPairSpec, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKeyPair> {
    return this.#workers.call("generateDataKeyPair", key, spec, aad, want);
  }

  refusal(algorithm: SigningAlgorithm, type: MessageType): string | undefined {
    return signingRefusal(this.#workers.profile.pairs, algorithm, type);
  }

  sign(key: Ekt, algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Promise<Bytes> {
    return this.#workers.call("sign", key, algorithm, message, type);
  }

  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes): Promise<Bytes | null> {
    return this.#workers.call("decryptByPair", key, algorithm, ciphertext);
  }

  deriveSharedSecret(key: Ekt, publicKey: Bytes): Promise<Bytes | null> {
    return this.#workers.call("deriveSharedSecret", key, publicKey);
  }

  /** Of keys that no token has: PKCS#11 3.2 is the first to know them. */
  async decapsulate(): Promise<Bytes> {
    throw new HsmError("refused", "The PKCS#11 driver has no ML-KEM keys.");
  }
}
