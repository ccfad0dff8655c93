import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { part } from "../base/message.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { UsableKey, UseNeeds } from "../kms/use.ts";
import type { EncryptionAlgorithm } from "../model/key-spec.ts";

export interface Source {
  readonly ciphertext: Bytes | undefined;
  readonly algorithm: EncryptionAlgorithm;
  readonly keyId: string | undefined;
  readonly dryRun: boolean | undefined;
  readonly modifiers: readonly string[] | undefined;
}

/**
 * The key that opens a ciphertext, for Decrypt and ReEncrypt: the one that the caller names, or the one that the
 * ciphertext does. A dry run may leave the ciphertext out (IGNORE_CIPHERTEXT); it then comes back empty.
 */
export async function openSource(
  kms: Kms,
  call: Call,
  { ciphertext, algorithm, keyId, dryRun, modifiers = [] }: Source,
  needs: UseNeeds,
): Promise<{ key: UsableKey; ciphertext: Bytes }> {
  if (modifiers.length > 0 && !dryRun) throw new KmsError("ValidationException", "dryRunModifiers");
  if (modifiers.includes("IGNORE_CIPHERTEXT")) {
    if (keyId === undefined) throw new KmsError("ValidationException", "dryRunKey");
    return { key: await kms.use(call, keyId, needs), ciphertext: new Uint8Array() };
  }
  if (!ciphertext) {
    throw new KmsError("ValidationException", "constraint", { parts: part("missing", { path: "ciphertextBlob" }) });
  }
  if (algorithm !== "SYMMETRIC_DEFAULT") {
    if (keyId === undefined) throw new KmsError("ValidationException", "ciphertextKey", { algorithm });
    return { key: await kms.use(call, keyId, needs), ciphertext };
  }
  const key =
    keyId === undefined
      ? await kms.useKeyOf(call, ciphertext, needs)
      : await kms.use(call, keyId, { ...needs, ciphertext });
  return { key, ciphertext };
}
