import { structure } from "../model/shape.ts";
import { noRecipient } from "./checks.ts";
import { dataKeyMembers, generate } from "./data-key.ts";
import { recipient } from "./members.ts";
import { operation } from "./operation.ts";

export const generateDataKey = operation({
  name: "GenerateDataKey",
  readOnly: true,
  request: structure({ ...dataKeyMembers, Recipient: recipient }),

  async run(kms, call, request) {
    noRecipient(request.Recipient);
    const { key, dataKey } = await generate(kms, call, request, "both");
    return {
      CiphertextBlob: dataKey.ciphertext,
      Plaintext: dataKey.plaintext,
      KeyId: key.arn,
      KeyMaterialId: key.materialId,
    };
  },
});
