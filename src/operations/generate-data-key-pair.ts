import { structure } from "../model/shape.ts";
import { noRecipient } from "./checks.ts";
import { dataKeyPairMembers, generatePair, pairResponse } from "./data-key-pair.ts";
import { recipient } from "./members.ts";
import { operation } from "./operation.ts";

export const generateDataKeyPair = operation({
  name: "GenerateDataKeyPair",
  readOnly: true,
  request: structure({ ...dataKeyPairMembers, Recipient: recipient }),

  async run(kms, call, request) {
    noRecipient(request.Recipient);
    const { key, pair } = await generatePair(kms, call, request, "both");
    return { ...pairResponse(key, pair, request.KeyPairSpec), PrivateKeyPlaintext: pair.plaintext };
  },
});
