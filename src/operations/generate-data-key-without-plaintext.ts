import { structure } from "../model/shape.ts";
import { dataKeyMembers, generate } from "./data-key.ts";
import { operation } from "./operation.ts";

export const generateDataKeyWithoutPlaintext = operation({
  name: "GenerateDataKeyWithoutPlaintext",
  readOnly: true,
  request: structure(dataKeyMembers),

  async run(kms, call, request) {
    const { key, dataKey } = await generate(kms, call, request, "ciphertext");
    return { CiphertextBlob: dataKey.ciphertext, KeyId: key.arn, KeyMaterialId: key.shown(key.materialId) };
  },
});
