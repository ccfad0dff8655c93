import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { macMembers, useForMac } from "./mac.ts";
import { signature } from "./members.ts";
import { operation } from "./operation.ts";

/** `MacValid` is never false: that is an exception. */
export const verifyMac = operation({
  name: "VerifyMac",
  readOnly: true,
  request: structure({ ...macMembers, Mac: signature }),

  async run(kms, call, request) {
    const key = await useForMac(kms, call, request);
    if (!(await key.verifyMac(request.Message, request.Mac))) throw new KmsError("KMSInvalidMacException");
    return { KeyId: key.arn, MacValid: true, MacAlgorithm: request.MacAlgorithm };
  },
});
