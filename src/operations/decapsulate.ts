import { KmsError } from "../base/errors.ts";
import { encapsulationLength } from "../model/algorithms.ts";
import { structure } from "../model/shape.ts";
import { checkAlgorithm, dryRunDone } from "./checks.ts";
import { ciphertextBlob, dryRun, encapsulationAlgorithm, grantTokens, keyId } from "./members.ts";
import { operation } from "./operation.ts";

/** A ciphertext that was not made for the key has an answer, too: a secret that nobody else has (FIPS 203 §7.3). */
export const decapsulate = operation({
  name: "Decapsulate",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    SharedSecretCiphertextBlob: ciphertextBlob,
    EncapsulationAlgorithm: encapsulationAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),

  async run(kms, call, { KeyId, SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun }) {
    const key = await kms.use(call, KeyId, {
      usage: "ENCAPSULATE_DECAPSULATE",
      conditions: [["kms:EncapsulationAlgorithm", EncapsulationAlgorithm]],
    });
    checkAlgorithm(key, EncapsulationAlgorithm);
    if (SharedSecretCiphertextBlob.length !== encapsulationLength(key.spec)) {
      throw new KmsError("InvalidCiphertextException");
    }
    call.usedMaterial("keyMaterialId", key.materialId);
    dryRunDone(DryRun);
    return { KeyId: key.arn, SharedSecret: await key.decapsulate(SharedSecretCiphertextBlob), EncapsulationAlgorithm };
  },
});
