import { AuditError, HsmError, type HsmErrorKind, KmsError, type KmsErrorCode, StoreError } from "../base/errors.ts";

/**
 * What a client is told of a failure below. An HSM or store that is away is a DependencyTimeoutException (500), which
 * SDKs try again; so is a conflict that outlived our own tries. Anything else is a fault of ours, without detail: a
 * token that the HSM refuses has been edited in the store, and that is no client's business.
 */
export function toKmsError(error: unknown): KmsError {
  if (error instanceof KmsError) return error;
  if (error instanceof AuditError) throw error;
  if (error instanceof HsmError) return hsmAnswer(error);
  if (error instanceof StoreError && error.kind !== "corrupt" && error.kind !== "rollback") {
    return new KmsError("DependencyTimeoutException", "The system timed out while trying to fulfill the request.", {
      cause: error,
    });
  }
  return new KmsError("KMSInternalException", "", { cause: error });
}

const hsmCodes: Readonly<Record<HsmErrorKind, KmsErrorCode>> = {
  unavailable: "DependencyTimeoutException",
  unsupported: "UnsupportedOperationException",
  refused: "KMSInternalException",
  internal: "KMSInternalException",
};

const hsmAnswer = (cause: HsmError): KmsError =>
  new KmsError(hsmCodes[cause.kind], cause.kind === "unavailable" ? "The HSM is not reachable at the moment." : "", {
    cause,
  });
