import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { expirationModels, importTypes, type KeySpec } from "../model/key-spec.ts";
import { limits } from "../model/quotas.ts";
import { blob, enumeration, optional, string, structure, type TypeOf, timestamp } from "../model/shape.ts";
import { importedKey } from "./imported.ts";
import { keyId, keyMaterialId } from "./members.ts";
import { operation } from "./operation.ts";

const request = structure({
  KeyId: keyId,
  ImportToken: blob({ min: 1, max: 6144 }),
  EncryptedKeyMaterial: blob({ min: 1, max: 6144 }),
  ValidTo: optional(timestamp),
  ExpirationModel: optional(enumeration(expirationModels)),
  ImportType: optional(enumeration(importTypes)),
  KeyMaterialDescription: optional(string({ max: 256, pattern: /^[a-zA-Z0-9:/_\s.-]*$/ })),
  KeyMaterialId: optional(keyMaterialId),
});
type Request = TypeOf<typeof request>;

export const importKeyMaterial = operation({
  name: "ImportKeyMaterial",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const { ExpirationModel = "KEY_MATERIAL_EXPIRES", ValidTo } = input;
    const conditions = new Map([
      ["kms:ExpirationModel", ExpirationModel],
      ...(ValidTo === undefined ? [] : [["kms:ValidTo", new Date(ValidTo).toISOString()] as const]),
    ]);
    const { value: key, revision } = await importedKey(kms, call, input.KeyId, conditions);
    checkExpiry(call, input);
    checkMembers(input, key.record.spec);
    const arrival = {
      token: input.ImportToken,
      wrapped: input.EncryptedKeyMaterial,
      type: input.ImportType,
      expiresAt: ValidTo,
      description: input.KeyMaterialDescription,
      expectedId: input.KeyMaterialId,
    };
    const { hbkId, ...change } = await kms.imports.import(key.record, revision, arrival, call.now);
    await kms.commit(call, { ...change, responseElements: { keyId: key.arn, keyMaterialId: hbkId } });
    return { KeyId: key.arn, KeyMaterialId: hbkId };
  },
});

function checkExpiry(call: Call, { ExpirationModel = "KEY_MATERIAL_EXPIRES", ValidTo }: Request): void {
  if (ExpirationModel === "KEY_MATERIAL_DOES_NOT_EXPIRE") {
    if (ValidTo !== undefined) throw new KmsError("ValidationException", "validToUnused", { model: ExpirationModel });
    return;
  }
  if (ValidTo === undefined) throw new KmsError("ValidationException", "validTo");
  if (ValidTo <= call.now) throw new KmsError("ValidationException", "validToPast");
  if (ValidTo > call.now + limits.importedMaterialDays * 86_400_000)
    throw new KmsError("ValidationException", "validToLate", { days: limits.importedMaterialDays });
}

/** What symmetric encryption keys alone have. */
function checkMembers({ ImportType, KeyMaterialDescription, KeyMaterialId }: Request, spec: KeySpec): void {
  if (KeyMaterialId !== undefined && ImportType === "NEW_KEY_MATERIAL") {
    throw new KmsError("ValidationException", "keyMaterialId");
  }
  const given = Object.entries({ ImportType, KeyMaterialDescription, KeyMaterialId }).find(([, value]) => value);
  if (given && spec !== "SYMMETRIC_DEFAULT") {
    throw new KmsError("UnsupportedOperationException", "importSymmetric", { member: given[0] });
  }
}
