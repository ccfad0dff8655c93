import { checkPlaintext } from "../model/algorithms.ts";
import { structure } from "../model/shape.ts";
import { algorithmCondition, checkEncryption, dryRunDone } from "./checks.ts";
import { dryRun, encryptionAlgorithm, encryptionContext, grantTokens, keyId, plaintext } from "./members.ts";
import { operation } from "./operation.ts";

export const encrypt = operation({
  name: "Encrypt",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    Plaintext: plaintext,
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    EncryptionAlgorithm: encryptionAlgorithm,
    DryRun: dryRun,
  }),

  async run(kms, call, { KeyId, Plaintext, EncryptionContext, EncryptionAlgorithm = "SYMMETRIC_DEFAULT", DryRun }) {
    call.defaults("encryptionAlgorithm", EncryptionAlgorithm);
    const key = await kms.use(call, KeyId, {
      usage: "ENCRYPT_DECRYPT",
      context: EncryptionContext,
      conditions: algorithmCondition(EncryptionAlgorithm),
    });
    checkEncryption(key, EncryptionAlgorithm, EncryptionContext);
    checkPlaintext(key.spec, EncryptionAlgorithm, Plaintext);
    call.usedMaterial("keyMaterialId", key.materialId);
    dryRunDone(DryRun);
    const CiphertextBlob = await key.encrypt(EncryptionAlgorithm, Plaintext, EncryptionContext);
    return { CiphertextBlob, KeyId: key.arn, EncryptionAlgorithm };
  },
});
