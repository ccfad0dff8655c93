import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { UsableKey } from "../kms/use.ts";
import { isKeyDerivation } from "../model/kbkdf.ts";
import type { MacAlgorithm } from "../model/key-spec.ts";
import { checkAlgorithm, dryRunDone } from "./checks.ts";
import { dryRun, grantTokens, keyId, macAlgorithm, message } from "./members.ts";

/** The members that GenerateMac and VerifyMac share. */
export const macMembers = {
  KeyId: keyId,
  Message: message,
  MacAlgorithm: macAlgorithm,
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

interface Request {
  readonly KeyId: string;
  readonly Message: Bytes;
  readonly MacAlgorithm: MacAlgorithm;
  readonly DryRun?: boolean;
}

/** The key, once everything about the request is right. */
export async function useForMac(kms: Kms, call: Call, request: Request): Promise<UsableKey> {
  const key = await kms.use(call, request.KeyId, {
    usage: "GENERATE_VERIFY_MAC",
    conditions: [["kms:MacAlgorithm", request.MacAlgorithm]],
  });
  checkAlgorithm(key, request.MacAlgorithm);
  if (isKeyDerivation(request.Message)) {
    throw new KmsError("ValidationException", "macMessage");
  }
  call.usedMaterial("keyMaterialId", key.materialId);
  dryRunDone(request.DryRun);
  return key;
}
