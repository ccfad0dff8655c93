import { KmsError } from "../base/errors.ts";
import { optional, string, structure } from "../model/shape.ts";
import { numberOfBytes, recipient } from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested, recipientConditions } from "./recipient.ts";

export const generateRandom = operation({
  name: "GenerateRandom",
  readOnly: true,
  request: structure({
    NumberOfBytes: numberOfBytes,
    CustomKeyStoreId: optional(string({ min: 1, max: 64 })),
    Recipient: recipient,
  }),

  async run(kms, call, { NumberOfBytes, CustomKeyStoreId, Recipient }) {
    const environment = attested(kms, call, Recipient);
    const conditions = recipientConditions(environment);
    kms.authorize(call, call.operation, "*", conditions);
    if (NumberOfBytes === undefined) throw new KmsError("ValidationException", "NumberOfBytes is required.");
    if (CustomKeyStoreId !== undefined) {
      throw new KmsError("CustomKeyStoreNotFoundException", "The custom key store does not exist.");
    }
    return answerTo(environment, "Plaintext", await kms.random(call, NumberOfBytes, conditions));
  },
});
