import { structure } from "../model/shape.ts";
import { checkAlgorithm, dryRunDone } from "./checks.ts";
import { dryRun, encapsulationAlgorithm, grantTokens, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const encapsulate = operation({
  name: "Encapsulate",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    EncapsulationAlgorithm: encapsulationAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),

  async run(kms, call, { KeyId, EncapsulationAlgorithm, DryRun }) {
    const key = await kms.use(call, KeyId, {
      usage: "ENCAPSULATE_DECAPSULATE",
      conditions: [["kms:EncapsulationAlgorithm", EncapsulationAlgorithm]],
    });
    checkAlgorithm(key, EncapsulationAlgorithm);
    call.usedMaterial("keyMaterialId", key.materialId);
    dryRunDone(DryRun);
    const { sharedSecret, ciphertext } = await key.encapsulate();
    return {
      KeyId: key.arn,
      SharedSecret: sharedSecret,
      SharedSecretCiphertextBlob: ciphertext,
      EncapsulationAlgorithm,
    };
  },
});
