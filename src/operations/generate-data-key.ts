import type { Bytes } from "../base/bytes.ts";
import { structure } from "../model/shape.ts";
import { dataKeyMembers, generate } from "./data-key.ts";
import { recipient } from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested } from "./recipient.ts";

export const generateDataKey = operation({
  name: "GenerateDataKey",
  readOnly: true,
  request: structure({ ...dataKeyMembers, Recipient: recipient }),

  async run(kms, call, request) {
    const environment = attested(kms, call, request.Recipient);
    const { key, dataKey } = await generate(kms, call, request, "both", environment);
    return {
      CiphertextBlob: dataKey.ciphertext,
      ...answerTo(environment, "Plaintext", dataKey.plaintext as Bytes),
      KeyId: key.arn,
      KeyMaterialId: key.shown(key.materialId),
    };
  },
});
