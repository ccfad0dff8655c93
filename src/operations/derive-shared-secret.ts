import { KmsError } from "../base/errors.ts";
import { keyAgreementAlgorithms } from "../model/key-spec.ts";
import { blob, enumeration, structure } from "../model/shape.ts";
import { checkAlgorithm, dryRunDone } from "./checks.ts";
import { dryRun, grantTokens, keyId, recipient } from "./members.ts";
import { operation } from "./operation.ts";
import { answerTo, attested, recipientConditions } from "./recipient.ts";

export const deriveSharedSecret = operation({
  name: "DeriveSharedSecret",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    KeyAgreementAlgorithm: enumeration(keyAgreementAlgorithms),
    PublicKey: blob({ min: 1, max: 8192 }),
    GrantTokens: grantTokens,
    DryRun: dryRun,
    Recipient: recipient,
  }),

  async run(kms, call, { KeyId, KeyAgreementAlgorithm, PublicKey, DryRun, Recipient }) {
    const environment = attested(kms, call, Recipient);
    const key = await kms.use(call, KeyId, {
      usage: "KEY_AGREEMENT",
      conditions: [["kms:KeyAgreementAlgorithm", KeyAgreementAlgorithm], ...recipientConditions(environment)],
    });
    checkAlgorithm(key, KeyAgreementAlgorithm);
    call.usedMaterial("keyMaterialId", key.materialId);
    dryRunDone(DryRun);
    const SharedSecret = await key.deriveSharedSecret(PublicKey);
    if (!SharedSecret) {
      throw new KmsError("ValidationException", "peerKey", { spec: key.spec });
    }
    return {
      KeyId: key.arn,
      ...answerTo(environment, "SharedSecret", SharedSecret),
      KeyAgreementAlgorithm,
      KeyOrigin: key.origin,
    };
  },
});
