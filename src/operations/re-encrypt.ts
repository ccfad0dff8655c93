import { KmsError } from "../base/errors.ts";
import { hbkOf } from "../kms/use.ts";
import { optional, structure } from "../model/shape.ts";
import { algorithmCondition, checkAlgorithm, dryRunDone } from "./checks.ts";
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
    const { SourceEncryptionContext, DestinationEncryptionContext } = request;
    const blob = {
      ciphertext: request.CiphertextBlob,
      keyId: request.SourceKeyId,
      dryRun: request.DryRun,
      modifiers: request.DryRunModifiers,
    };
    const { key: source, ciphertext } = await openSource(kms, call, blob, {
      action: "ReEncryptFrom",
      usage: "ENCRYPT_DECRYPT",
      context: SourceEncryptionContext,
      conditions: algorithmCondition(request.SourceEncryptionAlgorithm),
    });
    const destination = await kms.use(call, request.DestinationKeyId, {
      action: "ReEncryptTo",
      usage: "ENCRYPT_DECRYPT",
      context: DestinationEncryptionContext,
      conditions: algorithmCondition(request.DestinationEncryptionAlgorithm),
    });
    checkAlgorithm(request.SourceEncryptionAlgorithm, source.spec);
    checkAlgorithm(request.DestinationEncryptionAlgorithm, destination.spec);
    dryRunDone(request.DryRun);
    const SourceKeyMaterialId = hbkOf(ciphertext);
    call.usedMaterial("sourceKeyMaterialId", SourceKeyMaterialId);
    call.usedMaterial("destinationKeyMaterialId", destination.materialId);
    const CiphertextBlob = await source.reEncrypt(
      ciphertext,
      SourceEncryptionContext,
      destination,
      DestinationEncryptionContext,
    );
    if (!CiphertextBlob) throw new KmsError("InvalidCiphertextException");
    return {
      CiphertextBlob,
      SourceKeyId: source.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm: "SYMMETRIC_DEFAULT",
      DestinationEncryptionAlgorithm: "SYMMETRIC_DEFAULT",
      SourceKeyMaterialId,
      DestinationKeyMaterialId: destination.materialId,
    };
  },
});
