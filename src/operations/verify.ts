import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { signature } from "./members.ts";
import { operation } from "./operation.ts";
import { signingMembers, useForSigning } from "./signing.ts";

/** `SignatureValid` is never false: that is an exception. */
export const verify = operation({
  name: "Verify",
  readOnly: true,
  request: structure({ ...signingMembers, Signature: signature }),

  async run(kms, call, request) {
    const { Message, MessageType = "RAW", Signature, SigningAlgorithm } = request;
    const key = await useForSigning(kms, call, request, "public");
    if (!(await key.verify(SigningAlgorithm, Message, MessageType, Signature))) {
      throw new KmsError("KMSInvalidSignatureException");
    }
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm };
  },
});
