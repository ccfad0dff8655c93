import { algorithmsMember, algorithmsOf } from "./algorithms.ts";
import { keyArn, partitionOf } from "./arn.ts";
import { type CustomKeyStore, stateIn } from "./custom-key-store.ts";
import type { HbkSpec, KeySpec, KeyState, KeyUsage, Origin } from "./key-spec.ts";
import { type KeySet, multiRegionConfiguration } from "./multi-region.ts";

/** The record of a KMS key: everything but its material. Times in milliseconds since the epoch. */
export interface KeyRecord {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly spec: KeySpec;
  /** What SYMMETRIC_DEFAULT is for this key, for ever. Absent: AES-256. */
  readonly cipher?: "SM4";
  readonly usage: KeyUsage;
  readonly origin: Origin;
  /** Absent: the customer. */
  readonly manager?: "AWS";
  /** Of a key in a custom key store. */
  readonly customKeyStoreId?: string;
  /** The external key that encrypts what its HBK has encrypted, in an external key store. */
  readonly xksKeyId?: string;
  readonly description: string;
  readonly state: KeyState;
  readonly createdAt: number;
  /** Present in state PendingDeletion only. */
  readonly deletionDate?: number;
  /** Present in state PendingReplicaDeletion only: the wait that begins when the last replica is gone. */
  readonly pendingWindowInDays?: number;
  readonly multiRegion?: KeySet;
  /** The key policy, as it was put. */
  readonly policy: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Names of the aliases that point here, `alias/` included. */
  readonly aliases: readonly string[];
  /** DER SubjectPublicKeyInfo in base64, of a key pair. */
  readonly publicKey?: string;
  /** The HBK that encrypts: its id is the KeyMaterialId. Absent until material has been imported. */
  readonly hbkId?: string;
  /** Every version of the material, the first one first; all of them decrypt, but one that waits for its rotation. */
  readonly materials: readonly Material[];
  /** Automatic rotation, where it is enabled. */
  readonly rotation?: {
    readonly periodInDays: number;
    readonly next: number;
    /** The revision of its record on the agenda. */
    readonly planned: number;
  };
}

export interface Material {
  readonly hbkId: string;
  /** Absent for the material that came with the key. */
  readonly rotation?: { readonly type: RotationType; readonly date: number };
  /** Imported, and waits for RotateKeyOnDemand: not yet a material of the key for ever. */
  readonly pending?: true;
  /** Of imported material. */
  readonly importState?: ImportState;
  /** When imported material is deleted; absent: never. */
  readonly expiresAt?: number;
  readonly materialDescription?: string;
}

export type ImportState = "IMPORTED" | "PENDING_IMPORT";

export type RotationType = "AUTOMATIC" | "ON_DEMAND";

/** One version of a key's material, found by (region, HBK id). */
export interface HbkRecord {
  readonly keyId: string;
  readonly account: string;
  /** The key token, base64. It and `replicas` change when a domain key does; nothing else here ever changes. */
  readonly ekt: string;
  /** Tokens of the same HBK under other HSMs' domain keys, base64. */
  readonly replicas?: readonly string[];
  /** Every domain key that has wrapped it: when all are destroyed, no copy of the token can be opened. */
  readonly domainKeys: readonly string[];
}

/** Until when some backup may be kept that has deleted material, milliseconds; absent where there was no backup. */
export interface BackedUp {
  readonly backups?: number;
}

/** What is left of imported material that was deleted: whose its ciphertexts are, and where copies of its token may be. */
export interface RemovedHbk extends Pick<KeyRecord, "account" | "region" | "id">, BackedUp {
  /** As in `HbkRecord`; empty when they are gone, and the material with them. */
  readonly domainKeys: readonly string[];
}

export interface AliasRecord {
  readonly name: string;
  readonly target: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a key that is made in `region` has as its `cipher`: SM4 in China. Custom key stores have AES-256 everywhere. */
export const cipherIn = (region: string, spec: KeySpec): Pick<KeyRecord, "cipher"> =>
  spec === "SYMMETRIC_DEFAULT" && partitionOf(region) === "aws-cn" ? { cipher: "SM4" } : {};

/** The spec in the key's tokens. */
export const hbkSpecOf = ({ spec, cipher }: Pick<KeyRecord, "spec" | "cipher">): HbkSpec => cipher ?? spec;

export const arnOf = (key: Pick<KeyRecord, "id" | "account" | "region">): string =>
  keyArn(key.region, key.account, key.id);

/** The state that a key shows. */
export const stateOf = (key: KeyRecord, store: CustomKeyStore | undefined): KeyState =>
  key.customKeyStoreId === undefined ? key.state : stateIn(store, key);

/** Whether clients see the ids of a key's materials. */
export const showsMaterial = ({ spec, customKeyStoreId }: Pick<KeyRecord, "spec" | "customKeyStoreId">): boolean =>
  spec === "SYMMETRIC_DEFAULT" && customKeyStoreId === undefined;

/**
 * KeyMetadata of the API; which members are present follows the rules of its reference. `store`: the custom key store that
 * it is in.
 */
export function keyMetadata(key: KeyRecord, store?: CustomKeyStore): Record<string, unknown> {
  const state = stateOf(key, store);
  return {
    AWSAccountId: key.account,
    KeyId: key.id,
    Arn: arnOf(key),
    CreationDate: new Date(key.createdAt),
    Enabled: state === "Enabled",
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: state,
    DeletionDate: key.deletionDate === undefined ? undefined : new Date(key.deletionDate),
    Origin: key.origin,
    KeyManager: key.manager ?? "CUSTOMER",
    CustomKeyStoreId: key.customKeyStoreId,
    CloudHsmClusterId: store?.cluster?.id,
    XksKeyConfiguration: key.xksKeyId === undefined ? undefined : { Id: key.xksKeyId },
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    [algorithmsMember[key.usage]]: algorithmsOf(key.spec, key.usage),
    PendingDeletionWindowInDays: key.pendingWindowInDays,
    MultiRegion: key.multiRegion !== undefined,
    MultiRegionConfiguration: multiRegionConfiguration(key),
    ...expiryOf(key.materials.find(({ hbkId }) => hbkId === key.hbkId)),
    CurrentKeyMaterialId: showsMaterial(key) ? key.hbkId : undefined,
  };
}

/** Of imported material that is there: ExpirationModel and ValidTo. */
export function expiryOf(material: Material | undefined): Record<string, unknown> {
  if (material?.importState !== "IMPORTED") return {};
  const { expiresAt } = material;
  return expiresAt === undefined
    ? { ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" }
    : { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: new Date(expiresAt) };
}

/** Whether all material is there that the key has for ever. */
export const isComplete = ({ materials }: Pick<KeyRecord, "materials">): boolean =>
  materials.length > 0 && materials.every(({ pending, importState }) => pending || importState !== "PENDING_IMPORT");

/** Whether material of a key in use has expired at `now`: it is gone from that moment, whenever it is deleted. */
export const lacksMaterial = ({ origin, state, materials }: KeyRecord, now: number): boolean =>
  origin === "EXTERNAL" &&
  (state === "Enabled" || state === "Disabled") &&
  materials.some(({ pending, expiresAt }) => !pending && expiresAt !== undefined && expiresAt <= now);
