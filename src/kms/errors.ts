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
    return new KmsError("UnsupportedOperationException", "The HSM of this key does not support this operation.");
  }
  const passing =
    (error instanceof HsmError && error.kind === "unavailable") ||
    (error instanceof StoreError && (error.kind === "unavailable" || error.kind === "conflict"));
  return passing
    ? new KmsError(
        "DependencyTimeoutException",
        "The system timed out while trying to fulfill the request. You can retry the request.",
      )
    : new KmsError(
        "KMSInternalException",
        "The request was rejected because an internal exception occurred. The request can be retried.",
      );
}
