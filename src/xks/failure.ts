/**
 * What went wrong between here and an external key store proxy: an `errorName` of its API (External Key Store Proxy API
 * Specification, "Error codes"), or what the proxy could not tell itself.
 */
export const proxyErrorNames = [
  "ValidationException",
  "InvalidStateException",
  "InvalidCiphertextException",
  "InvalidKeyUsageException",
  "AuthenticationFailedException",
  "AccessDeniedException",
  "KeyNotFoundException",
  "InvalidUriPathException",
  "ThrottlingException",
  "UnsupportedOperationException",
  "DependencyTimeoutException",
  "InternalException",
] as const;

export type XksFailure =
  | (typeof proxyErrorNames)[number]
  /** No TCP connection, or the configuration has no such proxy. */
  | "unreachable"
  /** No TLS connection: protocol, certificate, host name. */
  | "tls"
  /** No answer in time, twice. */
  | "timeout"
  /** An answer that the specification does not allow. */
  | "malformed"
  /** Every external key manager behind the proxy is UNAVAILABLE. */
  | "no key manager";

/** Never holds a part of the proxy's answer: it may be anything. */
export class XksError extends Error {
  readonly failure: XksFailure;

  constructor(failure: XksFailure, options?: ErrorOptions) {
    super(`external key store proxy: ${failure}`, options);
    this.name = "XksError";
    this.failure = failure;
  }
}
