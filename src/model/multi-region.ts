import { keyArn } from "./arn.ts";
import type { KeyRecord, Material } from "./key.ts";

/** A key's set: the region of its primary, and those of its replicas. Each key of the set has the same. */
export interface KeySet {
  readonly primary: string;
  readonly replicas: readonly string[];
}

type Placed = Pick<KeyRecord, "account" | "region" | "id" | "multiRegion">;

export const isPrimary = ({ multiRegion, region }: Placed): boolean => multiRegion?.primary === region;
export const isReplica = (key: Placed): boolean => key.multiRegion !== undefined && !isPrimary(key);

/** kms:MultiRegionKeyType; undefined for a key of one region. */
export const multiRegionKeyType = (key: Placed): "PRIMARY" | "REPLICA" | undefined =>
  key.multiRegion && (isPrimary(key) ? "PRIMARY" : "REPLICA");

/** The regions of the other keys in the set. */
export const otherRegions = ({ multiRegion, region }: Placed): readonly string[] =>
  multiRegion ? [multiRegion.primary, ...multiRegion.replicas].filter((other) => other !== region) : [];

/** MultiRegionConfiguration of the API. */
export function multiRegionConfiguration(key: Placed): object | undefined {
  if (!key.multiRegion) return undefined;
  const named = (region: string) => ({ Arn: keyArn(region, key.account, key.id), Region: region });
  return {
    MultiRegionKeyType: multiRegionKeyType(key),
    PrimaryKey: named(key.multiRegion.primary),
    ReplicaKeys: key.multiRegion.replicas.map(named),
  };
}

/**
 * The materials of a replica: those of its primary. Imported ones come to each region by themselves, with an end and a
 * description of their own.
 */
export function sharedMaterials(primary: KeyRecord, own: readonly Material[]): readonly Material[] {
  if (primary.origin !== "EXTERNAL") return primary.materials;
  return primary.materials.map(({ hbkId, rotation, pending }) => {
    const {
      rotation: _rotation,
      pending: _pending,
      ...here
    } = own.find((material) => material.hbkId === hbkId) ?? {
      hbkId,
      importState: "PENDING_IMPORT" as const,
    };
    return { ...here, ...(rotation && { rotation }), ...(pending && { pending }) };
  });
}
