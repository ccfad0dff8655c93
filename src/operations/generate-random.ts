import { KmsError } from "../base/errors.ts";
import { optional, structure } from "../model/shape.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { numberOfBytes, recipient } from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested, recipientConditions } from "./recipient.ts";

export const generateRandom = operation({
  name: "GenerateRandom",
  readOnly: true,
  request: structure({
    NumberOfBytes: numberOfBytes,
    CustomKeyStoreId: optional(customKeyStoreId),
    Recipient: recipient,
  }),

  async run(kms, call, { NumberOfBytes, CustomKeyStoreId, Recipient }) {
    const environment = attested(kms, call, Recipient);
    const conditions = recipientConditions(environment);
    kms.authorize(call, call.operation, "*", conditions);
    if (NumberOfBytes === undefined) throw new KmsError("ValidationException", "numberOfBytes");
    const bytes =
      CustomKeyStoreId === undefined
        ? await kms.random(call, NumberOfBytes, conditions)
        : await kms.keyStores.random(call, CustomKeyStoreId, NumberOfBytes);
    return answerTo(environment, "Plaintext", bytes);
  },
});
