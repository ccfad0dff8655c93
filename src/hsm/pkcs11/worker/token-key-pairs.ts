import { createPublicKey } from "node:crypto";
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import { peerOn } from "../../../engine/asymmetric/agreement.ts";
import { generateKeyPair } from "../../../engine/asymmetric/key-pairs.ts";
import { exportSpki, type KeyPair, privateKeyOf, taken } from "../../../engine/asymmetric/keys.ts";
import { type Algorithm, algorithmsOf } from "../../../model/algorithms.ts";
import { type HbkMeta, kindOfSpec } from "../../../model/hbk.ts";
import type {
  DataKeyPairSpec,
  EncryptionAlgorithm,
  KeyUsage,
  MessageType,
  SigningAlgorithm,
} from "../../../model/key-spec.ts";
import type { DataKeyPair, Ekt } from "../../hsm.ts";
import { CryptokiError } from "../cryptoki/cryptoki.ts";
import { orNull, twice } from "../cryptoki/second-try.ts";
import type { BackingKey } from "../keys/backing-keys.ts";
import { decryption, decryptWith } from "../keys/decryption.ts";
import { committedId } from "../keys/hbk-id.ts";
import type { Operations } from "../keys/operations.ts";
import { pairRefusal, unpaddingOf, working } from "../keys/pair-abilities.ts";
import { bitsOf, curveOf } from "../keys/private-key.ts";
import { agree, pointOf, publicKeysOf } from "../keys/public-key.ts";
import { signing } from "../keys/signing.ts";
import { bestOf, takeOutBy } from "../keys/wrapping.ts";
import { decrypts, fits, type TestedKey } from "../profile/pair-test.ts";
import type { PairMethod } from "../protocol.ts";
import { generated } from "./pair-generation.ts";
import type { ProfiledToken } from "./service.ts";
import type { TokenHsm } from "./token-hsm.ts";

/** `KeyPairs` as the worker serves it: private keys stay in the token, but for those that are made to be taken away. */
export class TokenKeyPairs implements Record<PairMethod, (...args: never[]) => unknown> {
  readonly #opened: ProfiledToken;
  readonly #operations: Operations;
  readonly #hsm: TokenHsm;

  constructor(opened: ProfiledToken, operations: Operations, hsm: TokenHsm) {
    this.#opened = opened;
    this.#operations = operations;
    this.#hsm = hsm;
  }

  /** The key is unwrapped from its token again, and tried (FIPS 140-3 IG 10.3.A: pair-wise consistency). */
  async generatePair(meta: HbkMeta): Promise<{ ekt: Ekt; publicKey: Bytes }> {
    const { spec, usage } = meta;
    if (usage === "INTERNAL" || kindOfSpec(spec) !== meta.kind) throw refused("there are no such key pairs");
    const { token, engine, keys, profile } = this.#opened;
    const made = await generated(this.#opened, meta, ({ handle, spki }) => ({
      ekt: keys.seal(meta, handle, committedId(engine, meta, spki)),
      publicKey: spki,
    }));
    const [algorithm] = working(profile.pairs, spec, usage);
    const { handle } = keys.open(made.ekt, ["kms-private"], usage);
    const key = { handle, spki: made.publicKey, spec };
    if (algorithm && (await fits(token, key, algorithm, unpaddingOf(profile.pairs, algorithm)))) return made;
    throw new HsmError("internal", "the halves of the new key pair do not belong together");
  }

  /** What the token does not make is made here, of its random numbers: it leaves in either case. */
  async generateDataKeyPair(
    ekt: Ekt,
    spec: DataKeyPairSpec,
    aad: Bytes,
    want: "both" | "ciphertext",
  ): Promise<DataKeyPair> {
    const { keys, profile, random } = this.#opened;
    keys.open(ekt, ["kms-symmetric"], "ENCRYPT_DECRYPT");
    const usage = "SIGN_VERIFY";
    const { publicKey, privateKey } =
      pairRefusal(profile.pairs, spec, usage) === undefined
        ? await generated(this.#opened, { spec, usage }, (key) => this.#takeOut(key))
        : await generateKeyPair(spec, (length) => random.generate(length));
    let kept = false;
    try {
      const ciphertext = await this.#hsm.encrypt(ekt, "SYMMETRIC_DEFAULT", privateKey, aad);
      kept = want === "both";
      return kept ? { publicKey, ciphertext, plaintext: privateKey } : { publicKey, ciphertext };
    } finally {
      if (!kept) wipe(privateKey);
    }
  }

  async sign(ekt: Ekt, algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Promise<Bytes> {
    const key = this.#open(ekt, "SIGN_VERIFY", algorithm);
    const { mechanism, data, formed } = signing(algorithm, message, type);
    return formed(await this.#operations.sign(mechanism, key, data));
  }

  async decryptByPair(ekt: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes): Promise<Bytes | null> {
    const key = this.#open(ekt, "ENCRYPT_DECRYPT", algorithm);
    const { length } = ciphertext;
    if (length !== bitsOf(key.meta.spec) / 8) return null;
    const { token, profile } = this.#opened;
    const unpadding = unpaddingOf(profile.pairs, algorithm);
    try {
      const { mechanism, unpadded } = decryption(algorithm, unpadding);
      const plaintext = unpadded(await this.#operations.decrypt(mechanism, key, ciphertext), length);
      if (plaintext) return plaintext;
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
    }
    const { handle } = this.#open(ekt, "ENCRYPT_DECRYPT", algorithm);
    return twice(
      () => orNull(() => decryptWith(token, handle, algorithm, ciphertext, unpadding)),
      (plaintext) => plaintext !== null,
      () => {
        if (decrypts(token, handle, algorithm, unpadding)) return;
        throw new HsmError("unavailable", "the token does not decrypt what is encrypted under its own key");
      },
    );
  }

  deriveSharedSecret(ekt: Ekt, publicKey: Bytes): Bytes | null {
    const { handle, meta } = this.#open(ekt, "KEY_AGREEMENT", "ECDH");
    const { token } = this.#opened;
    const peer = peerOn(curveOf(meta.spec).name, publicKey);
    if (!peer) return null;
    // A key that agrees with the base point is not at fault: the module takes other points than OpenSSL.
    return twice(
      () => orNull(() => agree(token, handle, meta.spec, pointOf(peer))),
      (secret) => secret !== null,
      () => publicKeysOf(token, handle, meta.spec),
    );
  }

  #open(ekt: Ekt, usage: KeyUsage, algorithm: Algorithm): BackingKey {
    const key = this.#opened.keys.open(ekt, ["kms-private"], usage);
    if (algorithmsOf(key.meta.spec, usage)?.includes(algorithm)) return key;
    throw refused("the algorithm is none of the key's");
  }

  #takeOut({ handle, spki }: TestedKey): KeyPair {
    const { token, engine, random, wrappings } = this.#opened;
    const pkcs8 = takeOutBy(token, engine, bestOf(wrappings), handle, random.generate(32));
    const key = privateKeyOf(pkcs8);
    wipe(pkcs8);
    if (!equalBytes(exportSpki(createPublicKey(key)), spki)) {
      throw new HsmError("internal", "the halves of the new key pair do not belong together");
    }
    // In the form of every other HSM: modules differ in what they leave out.
    return { publicKey: spki, privateKey: taken(key.export({ format: "der", type: "pkcs8" })) };
  }
}
