import { KmsError } from "../base/errors.ts";
import { hbkOf } from "../kms/use.ts";
import { optional, structure } from "../model/shape.ts";
import { algorithmCondition, checkAlgorithm, dryRunDone, noRecipient } from "./checks.ts";
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
    noRecipient(request.Recipient);
    const source = {
      ciphertext: request.CiphertextBlob,
      keyId: request.KeyId,
      dryRun: request.DryRun,
      modifiers: request.DryRunModifiers,
    };
    const { key, ciphertext } = await openSource(kms, call, source, {
      usage: "ENCRYPT_DECRYPT",
      context: request.EncryptionContext,
      conditions: algorithmCondition(request.EncryptionAlgorithm),
    });
    checkAlgorithm(request.EncryptionAlgorithm, key.spec);
    dryRunDone(request.DryRun);
    const KeyMaterialId = hbkOf(ciphertext);
    call.usedMaterial("keyMaterialId", KeyMaterialId);
    const Plaintext = await key.decrypt(ciphertext, request.EncryptionContext);
    if (!Plaintext) throw new KmsError("InvalidCiphertextException");
    return { KeyId: key.arn, Plaintext, EncryptionAlgorithm: "SYMMETRIC_DEFAULT", KeyMaterialId };
  },
});
