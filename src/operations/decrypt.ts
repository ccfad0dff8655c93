import { KmsError } from "../base/errors.ts";
import { optional, structure } from "../model/shape.ts";
import { algorithmCondition, checkEncryption, dryRunDone } from "./checks.ts";
import {
  ciphertextBlob,
  dryRun,
  dryRunModifiers,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  recipient,
} from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested, recipientConditions } from "./recipient.ts";
import { openSource } from "./source.ts";

export const decrypt = operation({
  name: "Decrypt",
  readOnly: true,
  request: structure({
    CiphertextBlob: optional(ciphertextBlob),
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    KeyId: optional(keyId),
    EncryptionAlgorithm: encryptionAlgorithm,
    Recipient: recipient,
    DryRun: dryRun,
    DryRunModifiers: dryRunModifiers,
  }),

  async run(kms, call, request) {
    const { EncryptionContext, EncryptionAlgorithm = "SYMMETRIC_DEFAULT" } = request;
    call.defaults("encryptionAlgorithm", EncryptionAlgorithm);
    const environment = attested(kms, call, request.Recipient);
    const source = {
      ciphertext: request.CiphertextBlob,
      algorithm: EncryptionAlgorithm,
      keyId: request.KeyId,
      dryRun: request.DryRun,
      modifiers: request.DryRunModifiers,
    };
    const { key, ciphertext } = await openSource(kms, call, source, {
      usage: "ENCRYPT_DECRYPT",
      context: EncryptionContext,
      conditions: [...algorithmCondition(EncryptionAlgorithm), ...recipientConditions(environment)],
    });
    checkEncryption(key, EncryptionAlgorithm, EncryptionContext);
    dryRunDone(request.DryRun);
    const material = key.materialOf(ciphertext);
    call.usedMaterial("keyMaterialId", material);
    const Plaintext = await key.decrypt(EncryptionAlgorithm, ciphertext, EncryptionContext);
    if (!Plaintext) throw new KmsError("InvalidCiphertextException");
    return {
      KeyId: key.arn,
      ...answerTo(environment, "Plaintext", Plaintext),
      EncryptionAlgorithm,
      KeyMaterialId: key.shown(material),
    };
  },
});
