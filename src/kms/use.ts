import { contextConditions } from "../access/context.ts";
import type { Bytes } from "../base/bytes.ts";
import { hex } from "../base/bytes.ts";
import { HsmError, KmsError } from "../base/errors.ts";
import type { DataKey, Ekt, Hsm } from "../hsm/hsm.ts";
import { parseHeader } from "../model/ciphertext.ts";
import { binding, type EncryptionContext } from "../model/encryption-context.ts";
import type { KeyRecord } from "../model/key.ts";
import type { KeySpec, KeyUsage } from "../model/key-spec.ts";
import type { Call } from "./call.ts";
import type { Finder, FoundKey, KeyNeeds } from "./find.ts";
import { hbkPath, type Records } from "./records.ts";

/** What a cryptographic operation needs of its key. */
export interface UseNeeds {
  readonly action?: string;
  readonly usage: KeyUsage;
  readonly context?: EncryptionContext | undefined;
  readonly conditions?: readonly (readonly [string, string])[];
}

/** What `use` works with; handed out by `Kms` alone. */
export interface Workshop {
  readonly finder: Finder;
  readonly records: Records;
  readonly hsm: Hsm;
}

/** Finds, authorizes, checks state and usage, in that order. */
export async function useKey(workshop: Workshop, call: Call, keyId: string, needs: UseNeeds): Promise<UsableKey> {
  const found = await workshop.finder.key(call, keyId, keyNeeds(needs));
  return usable(workshop, call, found, needs);
}

/** The same for the key whose material made `ciphertext`. */
export async function useKeyOf(workshop: Workshop, call: Call, ciphertext: Bytes, needs: UseNeeds): Promise<UsableKey> {
  const found = await workshop.finder.keyOfHbk(call, hbkOf(ciphertext), keyNeeds(needs));
  return usable(workshop, call, found, needs);
}

function usable(workshop: Workshop, call: Call, found: FoundKey, needs: UseNeeds): UsableKey {
  const { record, arn } = found.value;
  if (record.usage !== needs.usage) {
    const text = `${arn} key usage is ${record.usage} which is not valid for ${call.operation}.`;
    throw new KmsError("InvalidKeyUsageException", text);
  }
  return new UsableKey(proof, record, arn, workshop);
}

function keyNeeds(needs: UseNeeds): KeyNeeds {
  const { context } = needs;
  const conditions = new Map([...(needs.conditions ?? []), ...contextConditions(context)]);
  const common = { aliases: true, crossAccount: true, conditions, grants: { context } };
  return needs.action === undefined ? common : { ...common, action: needs.action };
}

/** Held by this file alone: a UsableKey is the proof that its holder has been authorized. */
const proof: unique symbol = Symbol("authorized");

/** A key that the caller may use for the operation at hand. The only way to a key token. */
export class UsableKey {
  readonly arn: string;
  readonly id: string;
  readonly spec: KeySpec;
  /** The KeyMaterialId that encrypts now. */
  readonly materialId: string;
  readonly #region: string;
  readonly #workshop: Workshop;

  constructor(_proof: typeof proof, record: KeyRecord, arn: string, workshop: Workshop) {
    this.arn = arn;
    this.id = record.id;
    this.spec = record.spec;
    this.materialId = record.hbkId;
    this.#region = record.region;
    this.#workshop = workshop;
  }

  encrypt(plaintext: Bytes, context?: EncryptionContext): Promise<Bytes> {
    const aad = binding(this.id, context);
    return this.#with(this.materialId, (ekt, hsm) => hsm.encrypt(ekt, algorithm, plaintext, aad));
  }

  /** null: not authentic under this key and context. */
  decrypt(ciphertext: Bytes, context?: EncryptionContext): Promise<Bytes | null> {
    const aad = binding(this.id, context);
    return this.#with(hbkOf(ciphertext), (ekt, hsm) => hsm.decrypt(ekt, algorithm, ciphertext, aad));
  }

  generateDataKey(
    length: number,
    context: EncryptionContext | undefined,
    want: "both" | "ciphertext",
  ): Promise<DataKey> {
    const aad = binding(this.id, context);
    return this.#with(this.materialId, (ekt, hsm) => hsm.generateDataKey(ekt, length, aad, want));
  }

  /** null: `ciphertext` is not authentic under this key and context. */
  reEncrypt(
    ciphertext: Bytes,
    context: EncryptionContext | undefined,
    destination: UsableKey,
    destinationContext: EncryptionContext | undefined,
  ): Promise<Bytes | null> {
    const aad = binding(this.id, context);
    const destinationAad = binding(destination.id, destinationContext);
    return this.#with(hbkOf(ciphertext), (source) =>
      destination.#with(destination.materialId, (ekt, hsm) =>
        hsm.reEncrypt({ key: source, algorithm, ciphertext, aad }, { key: ekt, algorithm, aad: destinationAad }),
      ),
    );
  }

  /** Whether material of this key has made `ciphertext`, as far as its header says. */
  async made(ciphertext: Bytes): Promise<boolean> {
    const hbk = await this.#workshop.records.hbk(this.#region, hbkOf(ciphertext));
    return hbk?.value.record.keyId === this.id;
  }

  /** A token may have been wrapped anew since it was read: when the HSM refuses it, it is read again, once. */
  async #with<T>(hbkId: string, use: (ekt: Ekt, hsm: Hsm) => Promise<T>): Promise<T> {
    const { hsm, records } = this.#workshop;
    try {
      return await use(await this.#token(hbkId), hsm);
    } catch (error) {
      if (!(error instanceof HsmError && error.kind === "refused")) throw error;
      records.forget([{ path: hbkPath(this.#region, hbkId) }]);
      return use(await this.#token(hbkId), hsm);
    }
  }

  async #token(hbkId: string): Promise<Ekt> {
    const hbk = await this.#workshop.records.hbk(this.#region, hbkId);
    if (hbk?.value.record.keyId !== this.id) throw new KmsError("InvalidCiphertextException");
    return hbk.value.ekt;
  }
}

const algorithm = "SYMMETRIC_DEFAULT";

/** The HBK that a ciphertext names, hexadecimal. */
export function hbkOf(ciphertext: Bytes): string {
  const header = parseHeader(ciphertext);
  if (!header) throw new KmsError("InvalidCiphertextException");
  return hex(header.hbkId);
}
