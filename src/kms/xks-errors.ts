import { KmsError } from "../base/errors.ts";
import type { KmsErrorCode } from "../base/message.ts";
import type { ConnectionErrorCode } from "../model/custom-key-store.ts";
import { XksError, type XksFailure } from "../xks/failure.ts";

/** For which of them a proxy was asked. */
type Purpose = "keyStore" | "createKey" | "use";

/**
 * What each failure is to clients (External Key Store Proxy API Specification, "Error codes"; AWS KMS API Reference,
 * ConnectionErrorCode). Of cryptographic operations each is a KMSInvalidStateException. Where the specification names an
 * exception for CreateKey that the API does not declare there, it is CustomKeyStoreInvalidStateException.
 */
interface Meaning {
  /** Of CreateCustomKeyStore and UpdateCustomKeyStore. */
  readonly keyStore: KmsErrorCode;
  /** CustomKeyStoreInvalidStateException unless stated. */
  readonly createKey?: KmsErrorCode;
  readonly connection: ConnectionErrorCode;
}

const unintelligible: Meaning = {
  keyStore: "XksProxyInvalidResponseException",
  connection: "XKS_PROXY_INVALID_RESPONSE",
};

const meanings: Readonly<Record<XksFailure, Meaning>> = {
  malformed: unintelligible,
  ValidationException: unintelligible,
  InvalidStateException: {
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  InvalidCiphertextException: {
    keyStore: "XksProxyInvalidResponseException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  InvalidKeyUsageException: {
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  AuthenticationFailedException: {
    keyStore: "XksProxyIncorrectAuthenticationCredentialException",
    connection: "INVALID_CREDENTIALS",
  },
  AccessDeniedException: {
    keyStore: "XksProxyInvalidConfigurationException",
    connection: "XKS_PROXY_ACCESS_DENIED",
  },
  KeyNotFoundException: {
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyNotFoundException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  InvalidUriPathException: {
    keyStore: "XksProxyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  UnsupportedOperationException: {
    keyStore: "XksProxyInvalidResponseException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  DependencyTimeoutException: {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_TIMED_OUT",
  },
  ThrottlingException: {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  InternalException: {
    keyStore: "XksProxyInvalidResponseException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  "no key manager": {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  unreachable: {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  tls: {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_INVALID_TLS_CONFIGURATION",
  },
  timeout: {
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_TIMED_OUT",
  },
};

/** Runs `ask`, and tells a client what a failure of the proxy means for its call. */
export async function askProxy<T>(purpose: Purpose, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof XksError)) throw cause;
    const { keyStore, createKey = "CustomKeyStoreInvalidStateException" } = meanings[cause.failure];
    const codes = { keyStore, createKey, use: "KMSInvalidStateException" } as const;
    throw new KmsError(codes[purpose], cause.failure, {}, { cause });
  }
}

/** How a connection ends that `ask` was to make; undefined: well. */
export async function connectionError(ask: () => Promise<void>): Promise<ConnectionErrorCode | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    if (error instanceof XksError) return meanings[error.failure].connection;
    throw error;
  }
}
