import type { Recipient } from "../attestation/attestation.ts";
import { KmsError } from "../base/errors.ts";
import type { DataKey } from "../hsm/hsm.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { UsableKey } from "../kms/use.ts";
import type { EncryptionContext } from "../model/encryption-context.ts";
import type { DataKeySpec } from "../model/key-spec.ts";
import { algorithmCondition, dryRunDone } from "./checks.ts";
import { dataKeySpec, dryRun, encryptionContext, grantTokens, keyId, numberOfBytes } from "./members.ts";
import { recipientConditions } from "./recipient.ts";

/** The members that GenerateDataKey and GenerateDataKeyWithoutPlaintext share. */
export const dataKeyMembers = {
  KeyId: keyId,
  EncryptionContext: encryptionContext,
  KeySpec: dataKeySpec,
  NumberOfBytes: numberOfBytes,
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

interface Request {
  readonly KeyId: string;
  readonly EncryptionContext?: EncryptionContext;
  readonly KeySpec?: DataKeySpec;
  readonly NumberOfBytes?: number;
  readonly DryRun?: boolean;
}

export async function generate(
  kms: Kms,
  call: Call,
  request: Request,
  want: "both" | "ciphertext",
  environment?: Recipient,
): Promise<{ key: UsableKey; dataKey: DataKey }> {
  const length = lengthOf(request);
  const key = await kms.use(call, request.KeyId, {
    usage: "ENCRYPT_DECRYPT",
    context: request.EncryptionContext,
    conditions: [...algorithmCondition("SYMMETRIC_DEFAULT"), ...recipientConditions(environment)],
  });
  if (!key.isSymmetric) throw new KmsError("InvalidKeyUsageException", "dataKey");
  call.usedMaterial("keyMaterialId", key.materialId);
  dryRunDone(request.DryRun);
  return { key, dataKey: await key.generateDataKey(length, request.EncryptionContext, want) };
}

function lengthOf({ KeySpec, NumberOfBytes }: Request): number {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    throw new KmsError("ValidationException", "dataKey");
  }
  return NumberOfBytes ?? (KeySpec === "AES_256" ? 32 : 16);
}
