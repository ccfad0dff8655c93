import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
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
  if (modifiers.length > 0 && !dryRun) throw invalid("DryRunModifiers can only be used when DryRun is set.");
  if (modifiers.includes("IGNORE_CIPHERTEXT")) {
    if (keyId === undefined) throw invalid("A key ID is required when the ciphertext is ignored.");
    return { key: await kms.use(call, keyId, needs), ciphertext: new Uint8Array() };
  }
  if (!ciphertext) {
    throw invalid(
      "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
    );
  }
  if (keyId === undefined) {
    if (algorithm !== "SYMMETRIC_DEFAULT") throw invalid(`A key ID is required for the algorithm ${algorithm}.`);
    return { key: await kms.useKeyOf(call, ciphertext, needs), ciphertext };
  }
  const key = await kms.use(call, keyId, needs);
  if (await key.made(ciphertext)) return { key, ciphertext };
  throw new KmsError(
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
  );
}

const invalid = (message: string): KmsError => new KmsError("ValidationException", message);
