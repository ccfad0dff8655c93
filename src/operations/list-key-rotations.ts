import type { KeyRecord } from "../model/key.ts";
import { enumeration, optional, structure } from "../model/shape.ts";
import { checkRotatable } from "./checks.ts";
import { keyId, limit, marker } from "./members.ts";
import { operation } from "./operation.ts";

export const listKeyRotations = operation({
  name: "ListKeyRotations",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    IncludeKeyMaterial: optional(enumeration(["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"])),
    Limit: limit,
    Marker: marker,
  }),

  async run(kms, call, { KeyId, IncludeKeyMaterial = "ROTATIONS_ONLY", Limit = 100, Marker }) {
    const found = await kms.key(call, KeyId);
    checkRotatable(found);
    const { record, arn } = found.value;
    const { materials } = record;
    // The first material came with the key: no rotation made it.
    const listed = IncludeKeyMaterial === "ALL_KEY_MATERIAL" ? materials : materials.slice(1);
    const scope = `${arn} ${IncludeKeyMaterial}`;
    const { items, next } = await kms.slice(call, { marker: Marker, limit: Limit }, scope, listed);
    const Rotations = items.map((material) => entry(record, material));
    return { Rotations, NextMarker: next, Truncated: next !== undefined };
  },
});

const entry = (key: KeyRecord, { hbkId, rotation }: KeyRecord["materials"][number]) => ({
  KeyId: key.id,
  KeyMaterialId: hbkId,
  KeyMaterialState: hbkId === key.hbkId ? "CURRENT" : "NON_CURRENT",
  RotationDate: rotation && new Date(rotation.date),
  RotationType: rotation?.type,
});
