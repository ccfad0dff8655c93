import { KmsError } from "../base/errors.ts";
import { arnOf, isComplete, type KeyRecord, type Material } from "../model/key.ts";
import type { ImportType } from "../model/key-spec.ts";
import { isReplica } from "../model/multi-region.ts";
import type { Versioned } from "./records.ts";

/** Material that has been unwrapped, and what its import says of it. */
export interface Arrival {
  readonly hbkId: string;
  /** Base64, of a key pair. */
  readonly publicKey?: string;
  readonly type: ImportType | undefined;
  readonly expiresAt: number | undefined;
  readonly description: string | undefined;
  /** The id that the material must have, where one was given. */
  readonly expectedId: string | undefined;
}

/**
 * The key with the material that has arrived. The first is its current one; another one of a symmetric key waits for
 * RotateKeyOnDemand; what was there before comes back, and nothing else does.
 */
export function withMaterial(key: KeyRecord, arrival: Arrival): KeyRecord {
  const { hbkId, publicKey, expiresAt, description } = arrival;
  const known = key.materials.find((material) => material.hbkId === hbkId);
  checkArrival(key, arrival, known);
  const { expiresAt: _, ...kept } = known ?? {};
  const material: Material = {
    ...kept,
    hbkId,
    importState: "IMPORTED",
    ...(expiresAt !== undefined && { expiresAt }),
    ...(description !== undefined && { materialDescription: description }),
    ...(!known && key.hbkId !== undefined && { pending: true as const }),
  };
  const materials = known
    ? key.materials.map((other) => (other === known ? material : other))
    : [...key.materials, material];
  return settled({ ...key, hbkId: key.hbkId ?? hbkId, ...(publicKey !== undefined && { publicKey }), materials });
}

function checkArrival(key: KeyRecord, { hbkId, type, expectedId }: Arrival, known: Material | undefined): void {
  const isFirst = key.materials.length === 0;
  if ((type ?? (isFirst ? "NEW_KEY_MATERIAL" : "EXISTING_KEY_MATERIAL")) === "EXISTING_KEY_MATERIAL") {
    if (!known) throw new KmsError("IncorrectKeyMaterialException", "unknown");
    if (expectedId !== undefined && expectedId !== hbkId) {
      throw new KmsError("IncorrectKeyMaterialException", "another");
    }
    return;
  }
  const arn = arnOf(key);
  if (isReplica(key)) throw new KmsError("UnsupportedOperationException", "replicaMaterial", { arn });
  if (known) throw new KmsError("IncorrectKeyMaterialException", "known");
  const pending = key.materials.find((material) => material.pending);
  if (pending) {
    throw new KmsError("KMSInvalidStateException", "pendingRotation", { id: hbkId, arn, pending: pending.hbkId });
  }
}

/**
 * The key without the material: that which waits for its rotation is forgotten, any other leaves its name. A replica
 * forgets what its primary has forgotten.
 */
export function withoutMaterial(key: KeyRecord, hbkId: string, forgotten = !isReplica(key)): KeyRecord {
  const materials = key.materials.flatMap((material): Material[] => {
    if (material.hbkId !== hbkId) return [material];
    if (material.pending && forgotten) return [];
    const { expiresAt: _, ...kept } = material;
    return [{ ...kept, importState: "PENDING_IMPORT" }];
  });
  return settled({ ...key, materials });
}

/** Whether the material has come to every key of a set. */
export const isEverywhere = (hbkId: string, keys: readonly KeyRecord[]): boolean =>
  keys.every(({ materials }) =>
    materials.some((material) => material.hbkId === hbkId && material.importState === "IMPORTED"),
  );

/** The key with the material that waits as its current one; `others` are those of its set. */
export function withRotation(key: KeyRecord, others: readonly Versioned<KeyRecord>[], now: number): KeyRecord {
  const next = key.materials.find(({ pending }) => pending);
  if (!next || !isEverywhere(next.hbkId, [key, ...others.map(({ value }) => value)])) {
    throw new KmsError("KMSInvalidStateException", "noPendingRotation", { arn: arnOf(key) });
  }
  const { pending: _, ...material } = next;
  const rotated: Material = { ...material, rotation: { type: "ON_DEMAND", date: now } };
  return { ...key, hbkId: next.hbkId, materials: key.materials.map((other) => (other === next ? rotated : other)) };
}

/** In the state that its materials leave it in; an import that completes it enables the key. */
export function settled(key: KeyRecord): KeyRecord {
  if (key.state === "Enabled" || key.state === "Disabled" || key.state === "PendingImport") {
    if (!isComplete(key)) return { ...key, state: "PendingImport" };
    if (key.state === "PendingImport") return { ...key, state: "Enabled" };
  }
  return key;
}
