import { structure } from "../model/shape.ts";
import { dataKeyPairMembers, generatePair, pairResponse } from "./data-key-pair.ts";
import { operation } from "./operation.ts";

export const generateDataKeyPairWithoutPlaintext = operation({
  name: "GenerateDataKeyPairWithoutPlaintext",
  readOnly: true,
  request: structure(dataKeyPairMembers),

  async run(kms, call, request) {
    const { key, pair } = await generatePair(kms, call, request, "ciphertext");
    return pairResponse(key, pair, request.KeyPairSpec);
  },
});
