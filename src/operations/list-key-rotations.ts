import { isEverywhere } from "../kms/imported-material.ts";
import { expiryOf, type KeyRecord, type Material } from "../model/key.ts";
import { enumeration, optional, structure } from "../model/shape.ts";
import { checkRotatable } from "./checks.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const listKeyRotations = operation({
  name: "ListKeyRotations",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    IncludeKeyMaterial: optional(enumeration(["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"])),
    Limit: limit,
    Marker: marker,
  }),

  async run(kms, call, request) {
    const { KeyId, IncludeKeyMaterial = "ROTATIONS_ONLY" } = request;
    const found = await kms.key(call, KeyId);
    checkRotatable(found);
    const { record, arn } = found.value;
    const { materials } = record;
    // No rotation made the first material, nor yet one that waits for it.
    const all = IncludeKeyMaterial === "ALL_KEY_MATERIAL";
    const listed = all ? materials : materials.filter(({ rotation }) => rotation);
    const scope = `${arn} ${IncludeKeyMaterial}`;
    const { items, next } = await kms.lists.slice(call, pageOf("ListKeyRotations", request), scope, listed);
    const set = [record, ...(await kms.multiRegion.others(record)).map(({ value }) => value)];
    const Rotations = items.map((material) => entry(record, material, set));
    return { Rotations, NextMarker: next, Truncated: next !== undefined };
  },
});

const entry = (key: KeyRecord, material: Material, set: readonly KeyRecord[]) => ({
  KeyId: key.id,
  KeyMaterialId: material.hbkId,
  KeyMaterialDescription: material.materialDescription,
  ImportState: material.importState,
  KeyMaterialState: materialState(key, material, set),
  ...expiryOf(material),
  RotationDate: material.rotation && new Date(material.rotation.date),
  RotationType: material.rotation?.type,
});

function materialState(key: KeyRecord, { hbkId, pending }: Material, set: readonly KeyRecord[]): string {
  const awaited = pending && set.length > 1 && !isEverywhere(hbkId, set);
  if (awaited) return "PENDING_MULTI_REGION_IMPORT_AND_ROTATION";
  if (pending) return "PENDING_ROTATION";
  return hbkId === key.hbkId ? "CURRENT" : "NON_CURRENT";
}
