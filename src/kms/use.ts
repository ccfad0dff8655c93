import { timingSafeEqual } from "node:crypto";
import { type Conditions, contextConditions } from "../access/context.ts";
import { type Bytes, fromBase64, hex } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import { type Encapsulation, encapsulate } from "../engine/asymmetric/agreement.ts";
import type { Asymmetric } from "../engine/asymmetric/asymmetric.ts";
import type { DataKey, DataKeyPair } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { checkPlaintext } from "../model/algorithms.ts";
import { namedHbkId } from "../model/ciphertext.ts";
import { binding, type EncryptionContext } from "../model/encryption-context.ts";
import { type KeyRecord, showsMaterial } from "../model/key.ts";
import type {
  DataKeyPairSpec,
  EncryptionAlgorithm,
  KeySpec,
  KeyUsage,
  MessageType,
  Origin,
  SigningAlgorithm,
} from "../model/key-spec.ts";
import type { Call } from "./call.ts";
import type { CustomKeyStores } from "./custom-key-stores.ts";
import type { ExternalKey } from "./external-key.ts";
import type { Finder, FoundKey, KeyNeeds } from "./find.ts";
import { hbkOf, Materials } from "./materials.ts";
import type { Records } from "./records.ts";

/** What a cryptographic operation needs of its key. */
export interface UseNeeds {
  readonly action?: string;
  readonly usage: KeyUsage;
  readonly context?: EncryptionContext | undefined;
  /** What material of the key must have made; InvalidCiphertextException when it names none at all. */
  readonly ciphertext?: Bytes;
  readonly conditions?: readonly (readonly [string, string])[];
}

/** What `use` works with; handed out by `Kms` alone. */
export interface Workshop {
  readonly finder: Finder;
  readonly records: Records;
  readonly hsms: HsmSet;
  readonly keyStores: CustomKeyStores;
  /** For public keys. */
  readonly asymmetric: Asymmetric;
}

/** Finds, authorizes, checks usage and state, in that order. */
export async function useKey(workshop: Workshop, call: Call, keyId: string, needs: UseNeeds): Promise<UsableKey> {
  const found = await workshop.finder.key(call, keyId, keyNeeds(call, needs));
  if (needs.ciphertext) hbkOf(needs.ciphertext);
  return usable(workshop, call, found);
}

/** The same for the key whose material made `ciphertext`. */
export async function useKeyOf(workshop: Workshop, call: Call, ciphertext: Bytes, needs: UseNeeds): Promise<UsableKey> {
  const found = await workshop.finder.keyOfHbk(call, hbkOf(ciphertext), keyNeeds(call, needs));
  return usable(workshop, call, found);
}

function usable(workshop: Workshop, call: Call, found: FoundKey): UsableKey {
  const { record } = found.value;
  call.used.push(record);
  const { customKeyStoreId, xksKeyId } = record;
  if (customKeyStoreId !== undefined)
    call.usedKeyStore({ customKeyStoreId, ...(xksKeyId !== undefined && { xksKeyId }) });
  return new UsableKey(proof, found.value, workshop, workshop.keyStores.externalKey(call, found.value));
}

const keyNeeds = (call: Call, needs: UseNeeds): KeyNeeds => ({
  action: needs.action,
  aliases: true,
  crossAccount: true,
  conditions: new UseConditions(needs),
  grants: { context: needs.context },
  check({ record, arn }) {
    const { usage, materials } = record;
    const named = needs.ciphertext && namedHbkId(needs.ciphertext);
    if (named && !materials.some(({ hbkId }) => hbkId === hex(named))) {
      throw new KmsError("IncorrectKeyException", "key");
    }
    if (usage !== needs.usage) {
      throw new KmsError("InvalidKeyUsageException", "usage", { arn, usage, operation: call.operation });
    }
  },
});

class UseConditions implements Conditions {
  readonly #needs: UseNeeds;

  constructor(needs: UseNeeds) {
    this.#needs = needs;
  }

  *[Symbol.iterator]() {
    yield* this.#needs.conditions ?? [];
    yield* contextConditions(this.#needs.context);
  }
}

/** Held by this file alone: a UsableKey is the proof that its holder has been authorized. */
const proof: unique symbol = Symbol("authorized");

/** A key that the caller may use for the operation at hand. The only way to a key token. */
export class UsableKey {
  readonly arn: string;
  readonly id: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  readonly origin: Origin;
  /** The KeyMaterialId that encrypts now. */
  readonly materialId: string;
  readonly customKeyStoreId: string | undefined;
  readonly #record: KeyRecord;
  readonly #asymmetric: Asymmetric;
  readonly #materials: Materials;
  readonly #external: ExternalKey | undefined;

  constructor(
    _proof: typeof proof,
    { record, arn }: FoundKey["value"],
    workshop: Workshop,
    external: ExternalKey | undefined,
  ) {
    this.arn = arn;
    this.id = record.id;
    this.spec = record.spec;
    this.usage = record.usage;
    this.origin = record.origin;
    this.materialId = record.hbkId as string;
    this.customKeyStoreId = record.customKeyStoreId;
    this.#record = record;
    this.#asymmetric = workshop.asymmetric;
    this.#materials = new Materials(workshop, record);
    this.#external = external;
  }

  get isSymmetric(): boolean {
    return this.spec === symmetric;
  }

  /** Symmetric keys alone have a context. */
  async encrypt(algorithm: EncryptionAlgorithm, plaintext: Bytes, context?: EncryptionContext): Promise<Bytes> {
    if (algorithm !== symmetric) {
      checkPlaintext(this.spec, algorithm, plaintext);
      return this.#asymmetric.encrypt(algorithm, this.#publicKey(), plaintext);
    }
    const aad = binding(this.id, context);
    const inner = await this.#materials.use(this.materialId, (ekt, hsm) => hsm.encrypt(ekt, symmetric, plaintext, aad));
    return this.#cover(inner, aad);
  }

  /** null: not authentic under this key and context. */
  async decrypt(algorithm: EncryptionAlgorithm, ciphertext: Bytes, context?: EncryptionContext): Promise<Bytes | null> {
    if (algorithm !== symmetric)
      return this.#materials.usePair(this.materialId, (ekt, pairs) => pairs.decrypt(ekt, algorithm, ciphertext));
    const aad = binding(this.id, context);
    const inner = this.#external ? await this.#external.decrypt(ciphertext, aad) : ciphertext;
    return this.#materials.use(hbkOf(inner), (ekt, hsm) => hsm.decrypt(ekt, symmetric, inner, aad));
  }

  async generateDataKey(
    length: number,
    context: EncryptionContext | undefined,
    want: "both" | "ciphertext",
  ): Promise<DataKey> {
    const aad = binding(this.id, context);
    const made = await this.#materials.use(this.materialId, (ekt, hsm) => hsm.generateDataKey(ekt, length, aad, want));
    if (!this.#external) return made;
    try {
      return { ...made, ciphertext: await this.#external.encrypt(made.ciphertext, aad) };
    } catch (error) {
      wipe(made.plaintext);
      throw error;
    }
  }

  generateDataKeyPair(
    spec: DataKeyPairSpec,
    context: EncryptionContext | undefined,
    want: "both" | "ciphertext",
  ): Promise<DataKeyPair> {
    const aad = binding(this.id, context);
    return this.#materials.usePair(
      this.materialId,
      (ekt, pairs) => pairs.generateDataKeyPair(ekt, spec, aad, want),
      true,
    );
  }

  /**
   * Between symmetric keys of one HSM the plaintext stays in it; where a key pair or a second HSM takes part, it passes
   * through here.
   * null: `ciphertext` is not authentic under this key and context.
   */
  async reEncrypt(
    from: { algorithm: EncryptionAlgorithm; ciphertext: Bytes; context: EncryptionContext | undefined },
    destination: UsableKey,
    to: { algorithm: EncryptionAlgorithm; context: EncryptionContext | undefined },
  ): Promise<Bytes | null> {
    const { algorithm, ciphertext, context } = from;
    if (algorithm === symmetric && to.algorithm === symmetric) {
      const aad = binding(this.id, context);
      const inner = this.#external ? await this.#external.decrypt(ciphertext, aad) : ciphertext;
      const source = { algorithm, ciphertext: inner, aad };
      const target = { algorithm, aad: binding(destination.id, to.context) };
      const [sourceId, targetId] = [hbkOf(inner), destination.materialId];
      const inside = await this.#materials.useBoth(sourceId, destination.#materials, targetId, (key, ekt, hsm) =>
        hsm.reEncrypt({ key, ...source }, { key: ekt, ...target }),
      );
      if (inside !== undefined) return inside && destination.#cover(inside, target.aad);
    }
    const plaintext = await this.decrypt(algorithm, ciphertext, context);
    try {
      return plaintext && (await destination.encrypt(to.algorithm, plaintext, to.context));
    } finally {
      wipe(plaintext ?? undefined);
    }
  }

  /** Why the private half makes, or the public one verifies, no such signatures here; undefined where it does. */
  async signingRefusal(
    half: "private" | "public",
    algorithm: SigningAlgorithm,
    type: MessageType,
  ): Promise<string | undefined> {
    if (half === "public") return this.#asymmetric.refusal(algorithm, type);
    return this.#materials.usePair(this.materialId, async (_ekt, pairs) => pairs.refusal(algorithm, type));
  }

  sign(algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Promise<Bytes> {
    return this.#materials.usePair(this.materialId, (ekt, pairs) => pairs.sign(ekt, algorithm, message, type));
  }

  verify(algorithm: SigningAlgorithm, message: Bytes, type: MessageType, signature: Bytes): Promise<boolean> {
    return this.#asymmetric.verify(algorithm, this.#publicKey(), message, type, signature);
  }

  mac(message: Bytes): Promise<Bytes> {
    return this.#materials.use(this.materialId, (ekt, hsm) => hsm.mac(ekt, message));
  }

  async verifyMac(message: Bytes, mac: Bytes): Promise<boolean> {
    const expected = await this.mac(message);
    const valid = expected.length === mac.length && timingSafeEqual(expected, mac);
    wipe(expected);
    return valid;
  }

  /** null: `publicKey` is not one on the key's curve. */
  deriveSharedSecret(publicKey: Bytes): Promise<Bytes | null> {
    return this.#materials.usePair(this.materialId, (ekt, pairs) => pairs.deriveSharedSecret(ekt, publicKey));
  }

  encapsulate(): Promise<Encapsulation> {
    return encapsulate(this.#publicKey());
  }

  decapsulate(ciphertext: Bytes): Promise<Bytes> {
    return this.#materials.usePair(this.materialId, (ekt, pairs) => pairs.decapsulate(ekt, ciphertext));
  }

  /** The material that `ciphertext` is under. */
  materialOf(ciphertext: Bytes): string {
    return this.isSymmetric ? hbkOf(ciphertext) : this.materialId;
  }

  /** What of a KeyMaterialId clients see. */
  shown(hbkId: string): string | undefined {
    return showsMaterial(this.#record) ? hbkId : undefined;
  }

  /** What the external key makes of a ciphertext, where there is one. */
  #cover(inner: Bytes, aad: Bytes): Bytes | Promise<Bytes> {
    return this.#external ? this.#external.encrypt(inner, aad) : inner;
  }

  #publicKey(): Bytes {
    return fromBase64(this.#record.publicKey as string) as Bytes;
  }
}

/** A spec and an algorithm. */
const symmetric = "SYMMETRIC_DEFAULT";
