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
} from "./members.ts";
import { operation } from "./operation.ts";
import { openSource } from "./source.ts";

export const reEncrypt = operation({
  name: "ReEncrypt",
  readOnly: true,
  request: structure({
    CiphertextBlob: optional(ciphertextBlob),
    SourceEncryptionContext: encryptionContext,
    SourceKeyId: optional(keyId),
    DestinationKeyId: keyId,
    DestinationEncryptionContext: encryptionContext,
    SourceEncryptionAlgorithm: encryptionAlgorithm,
    DestinationEncryptionAlgorithm: encryptionAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
    DryRunModifiers: dryRunModifiers,
  }),

  async run(kms, call, request) {
    const { SourceEncryptionContext, SourceEncryptionAlgorithm = "SYMMETRIC_DEFAULT" } = request;
    const { DestinationEncryptionContext, DestinationEncryptionAlgorithm = "SYMMETRIC_DEFAULT" } = request;
    call.defaults("sourceEncryptionAlgorithm", SourceEncryptionAlgorithm);
    call.defaults("destinationEncryptionAlgorithm", DestinationEncryptionAlgorithm);
    const blob = {
      ciphertext: request.CiphertextBlob,
      algorithm: SourceEncryptionAlgorithm,
      keyId: request.SourceKeyId,
      dryRun: request.DryRun,
      modifiers: request.DryRunModifiers,
    };
    const { key: source, ciphertext } = await openSource(kms, call, blob, {
      action: "ReEncryptFrom",
      usage: "ENCRYPT_DECRYPT",
      context: SourceEncryptionContext,
      conditions: algorithmCondition(SourceEncryptionAlgorithm),
    });
    const destination = await kms.use(call, request.DestinationKeyId, {
      action: "ReEncryptTo",
      usage: "ENCRYPT_DECRYPT",
      context: DestinationEncryptionContext,
      conditions: algorithmCondition(DestinationEncryptionAlgorithm),
    });
    checkEncryption(source, SourceEncryptionAlgorithm, SourceEncryptionContext);
    checkEncryption(destination, DestinationEncryptionAlgorithm, DestinationEncryptionContext);
    dryRunDone(request.DryRun);
    const material = source.materialOf(ciphertext);
    call.usedMaterial("sourceKeyMaterialId", material);
    call.usedMaterial("destinationKeyMaterialId", destination.materialId);
    const CiphertextBlob = await source.reEncrypt(
      { algorithm: SourceEncryptionAlgorithm, ciphertext, context: SourceEncryptionContext },
      destination,
      { algorithm: DestinationEncryptionAlgorithm, context: DestinationEncryptionContext },
    );
    if (!CiphertextBlob) throw new KmsError("InvalidCiphertextException");
    return {
      CiphertextBlob,
      SourceKeyId: source.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm,
      DestinationEncryptionAlgorithm,
      SourceKeyMaterialId: source.shown(material),
      DestinationKeyMaterialId: destination.shown(destination.materialId),
    };
  },
});
