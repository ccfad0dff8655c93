import { structure } from "../model/shape.ts";
import { macMembers, useForMac } from "./mac.ts";
import { operation } from "./operation.ts";

export const generateMac = operation({
  name: "GenerateMac",
  readOnly: true,
  request: structure(macMembers),

  async run(kms, call, request) {
    const key = await useForMac(kms, call, request);
    return { Mac: await key.mac(request.Message), MacAlgorithm: request.MacAlgorithm, KeyId: key.arn };
  },
});
