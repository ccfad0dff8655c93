import { KmsError } from "../base/errors.ts";
import { optional, structure } from "../model/shape.ts";
import { importedKey } from "./imported.ts";
import { keyId, keyMaterialId } from "./members.ts";
import { operation } from "./operation.ts";

/** Material that is gone already is no error: the caller has what he wants. */
export const deleteImportedKeyMaterial = operation({
  name: "DeleteImportedKeyMaterial",
  readOnly: false,
  request: structure({ KeyId: keyId, KeyMaterialId: optional(keyMaterialId) }),

  async run(kms, call, { KeyId, KeyMaterialId }) {
    const { value: key, revision } = await importedKey(kms, call, KeyId);
    const hbkId = KeyMaterialId ?? key.record.hbkId;
    if (hbkId === undefined) return { KeyId: key.arn };
    if (!key.record.materials.some((material) => material.hbkId === hbkId)) {
      throw new KmsError("NotFoundException", "keyMaterial", { id: hbkId, arn: key.arn });
    }
    const responseElements = { keyId: key.arn, keyMaterialId: hbkId };
    const writes = await kms.imports.removal(key.record, revision, hbkId);
    if (writes) await kms.destroy(call, { writes, responseElements });
    return { KeyId: key.arn, KeyMaterialId: hbkId };
  },
});
