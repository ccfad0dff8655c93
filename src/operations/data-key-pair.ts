import type { Recipient } from "../attestation/attestation.ts";
import { KmsError } from "../base/errors.ts";
import type { DataKeyPair } from "../hsm/hsm.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { UsableKey } from "../kms/use.ts";
import type { EncryptionContext } from "../model/encryption-context.ts";
import { type DataKeyPairSpec, dataKeyPairSpecs } from "../model/key-spec.ts";
import { enumeration } from "../model/shape.ts";
import { algorithmCondition, checkNoKeyStore, checkRegion, dryRunDone } from "./checks.ts";
import { dryRun, encryptionContext, grantTokens, keyId } from "./members.ts";
import { recipientConditions } from "./recipient.ts";

/** The members that GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext share. */
export const dataKeyPairMembers = {
  KeyId: keyId,
  EncryptionContext: encryptionContext,
  KeyPairSpec: enumeration(dataKeyPairSpecs),
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

interface Request {
  readonly KeyId: string;
  readonly EncryptionContext?: EncryptionContext;
  readonly KeyPairSpec: DataKeyPairSpec;
  readonly DryRun?: boolean;
}

export async function generatePair(
  kms: Kms,
  call: Call,
  request: Request,
  want: "both" | "ciphertext",
  environment?: Recipient,
): Promise<{ key: UsableKey; pair: DataKeyPair }> {
  const { KeyPairSpec, EncryptionContext } = request;
  const key = await kms.use(call, request.KeyId, {
    usage: "ENCRYPT_DECRYPT",
    context: EncryptionContext,
    conditions: [
      ...algorithmCondition("SYMMETRIC_DEFAULT"),
      ["kms:DataKeyPairSpec", KeyPairSpec],
      ...recipientConditions(environment),
    ],
  });
  if (!key.isSymmetric) throw new KmsError("InvalidKeyUsageException", "dataKeyPair");
  checkNoKeyStore(key.arn, key.customKeyStoreId);
  checkRegion(call.region, KeyPairSpec);
  call.usedMaterial("keyMaterialId", key.materialId);
  dryRunDone(request.DryRun);
  return { key, pair: await key.generateDataKeyPair(KeyPairSpec, EncryptionContext, want) };
}

/** What both operations answer. */
export const pairResponse = (key: UsableKey, { ciphertext, publicKey }: DataKeyPair, spec: DataKeyPairSpec) => ({
  PrivateKeyCiphertextBlob: ciphertext,
  PublicKey: publicKey,
  KeyId: key.arn,
  KeyPairSpec: spec,
  KeyMaterialId: key.shown(key.materialId),
});
