import { structure } from "../model/shape.ts";
import { operation } from "./operation.ts";
import { signingMembers, useForSigning } from "./signing.ts";

export const sign = operation({
  name: "Sign",
  readOnly: true,
  request: structure(signingMembers),

  async run(kms, call, request) {
    const { Message, MessageType = "RAW", SigningAlgorithm } = request;
    const key = await useForSigning(kms, call, request, "private");
    const Signature = await key.sign(SigningAlgorithm, Message, MessageType);
    return { KeyId: key.arn, Signature, SigningAlgorithm };
  },
});
