import { HsmError, KmsError, type KmsErrorCode, StoreError } from "../base/errors.ts";

/** `body` is JSON text, or "". */
export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

/** Every other code is 400, whatever the model's `httpError` says: that is what AWS KMS sends. */
const httpStatus: Partial<Record<KmsErrorCode, number>> = {
  DependencyTimeoutException: 500,
  KMSInternalException: 500,
  KeyUnavailableException: 500,
  RequestEntityTooLarge: 413,
  RequestTimeout: 408,
  ServiceUnavailableException: 503,
};

/** Clients read `message` or `Message`; AccessDeniedException has the capital, and an empty message is left out. */
export function toWire({ code, message }: KmsError): WireAnswer {
  const member = code === "AccessDeniedException" ? "Message" : "message";
  const text = message === "" ? {} : { [member]: message };
  return { status: httpStatus[code] ?? 400, body: JSON.stringify({ __type: code, ...text }) };
}

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
