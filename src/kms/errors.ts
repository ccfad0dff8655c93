import { HsmError, KmsError, StoreError } from "../base/errors.ts";

/**
 * What a client is told of any failure. Nothing but a KmsError's message goes out: others were written for operators.
 *
 * A HSM or store that is away, or a commit that lost a race, did nothing, and a retry may succeed: that is
 * DependencyTimeoutException, which every operation declares and every SDK retries. (KeyUnavailableException is about one
 * key, and ConflictException about a rotation that is going on.) The rest is for operators to repair.
 */
export function toKmsError(error: unknown): KmsError {
  if (error instanceof KmsError) return error;
  if (error instanceof HsmError && error.kind === "unsupported") {
    return new KmsError("UnsupportedOperationException", "hsm");
  }
  const passing =
    (error instanceof HsmError && error.kind === "unavailable") ||
    (error instanceof StoreError && (error.kind === "unavailable" || error.kind === "conflict"));
  return passing
    ? new KmsError("DependencyTimeoutException", "timeout")
    : new KmsError("KMSInternalException", "failure");
}
