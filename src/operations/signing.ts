import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { UsableKey } from "../kms/use.ts";
import { digestLength, takesMessageType } from "../model/algorithms.ts";
import type { KeySpec, MessageType, SigningAlgorithm } from "../model/key-spec.ts";
import { checkAlgorithm, dryRunDone } from "./checks.ts";
import { dryRun, grantTokens, keyId, message, messageType, signingAlgorithm } from "./members.ts";

/** The members that Sign and Verify share. */
export const signingMembers = {
  KeyId: keyId,
  Message: message,
  MessageType: messageType,
  SigningAlgorithm: signingAlgorithm,
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

interface Request {
  readonly KeyId: string;
  readonly Message: Bytes;
  readonly MessageType?: MessageType;
  readonly SigningAlgorithm: SigningAlgorithm;
  readonly DryRun?: boolean;
}

/** The key, once everything about the request is right. `half`: what of it is used. */
export async function useForSigning(
  kms: Kms,
  call: Call,
  request: Request,
  half: "private" | "public",
): Promise<UsableKey> {
  const { Message, MessageType = "RAW", SigningAlgorithm } = request;
  const key = await kms.use(call, request.KeyId, {
    usage: "SIGN_VERIFY",
    conditions: [
      ["kms:MessageType", MessageType],
      ["kms:SigningAlgorithm", SigningAlgorithm],
    ],
  });
  checkAlgorithm(key, SigningAlgorithm);
  checkMessage(key.spec, SigningAlgorithm, Message, MessageType);
  const refusal = await key.signingRefusal(half, SigningAlgorithm, MessageType);
  if (refusal !== undefined) throw new KmsError("UnsupportedOperationException", "hsmReason", { reason: refusal });
  call.usedMaterial("keyMaterialId", key.materialId);
  dryRunDone(request.DryRun);
  return key;
}

function checkMessage(spec: KeySpec, algorithm: SigningAlgorithm, { length }: Bytes, type: MessageType): void {
  if (!takesMessageType(algorithm, type)) {
    if (algorithm === "ML_DSA_SHAKE_256") throw new KmsError("ValidationException", "messageTypeSpec", { type, spec });
    throw new KmsError("ValidationException", "messageType", { type, algorithm });
  }
  if (type !== "RAW" && length !== digestLength(algorithm)) {
    throw new KmsError("ValidationException", "digestLength", { algorithm });
  }
}
