import type { Bytes } from "../base/bytes.ts";
import { structure } from "../model/shape.ts";
import { dataKeyPairMembers, generatePair, pairResponse } from "./data-key-pair.ts";
import { recipient } from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested } from "./recipient.ts";

export const generateDataKeyPair = operation({
  name: "GenerateDataKeyPair",
  readOnly: true,
  request: structure({ ...dataKeyPairMembers, Recipient: recipient }),

  async run(kms, call, request) {
    const environment = attested(kms, call, request.Recipient);
    const { key, pair } = await generatePair(kms, call, request, "both", environment);
    return {
      ...pairResponse(key, pair, request.KeyPairSpec),
      ...answerTo(environment, "PrivateKeyPlaintext", pair.plaintext as Bytes),
    };
  },
});
