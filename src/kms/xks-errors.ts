import { KmsError, type KmsErrorCode } from "../base/errors.ts";
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
  readonly text: string;
  /** Of CreateCustomKeyStore and UpdateCustomKeyStore. */
  readonly keyStore: KmsErrorCode;
  /** CustomKeyStoreInvalidStateException unless stated. */
  readonly createKey?: KmsErrorCode;
  readonly connection: ConnectionErrorCode;
}

const unintelligible: Meaning = {
  text: "The answer of the external key store proxy cannot be interpreted. If this goes on, tell the administrator of the proxy.",
  keyStore: "XksProxyInvalidResponseException",
  connection: "XKS_PROXY_INVALID_RESPONSE",
};

const meanings: Readonly<Record<XksFailure, Meaning>> = {
  malformed: unintelligible,
  ValidationException: unintelligible,
  InvalidStateException: {
    text: "The external key is not enabled in the external key manager. Enable it there, and try again.",
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  InvalidCiphertextException: {
    text: "The external key store proxy has refused the ciphertext or the encryption context: corrupted, missing, or otherwise invalid.",
    keyStore: "XksProxyInvalidResponseException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  InvalidKeyUsageException: {
    text: "The external key does not support the operation. Enable the operation in the external key manager, and try again.",
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  AuthenticationFailedException: {
    text: "The external key store proxy could not authenticate the request. Verify the proxy authentication credential of the key store.",
    keyStore: "XksProxyIncorrectAuthenticationCredentialException",
    connection: "INVALID_CREDENTIALS",
  },
  AccessDeniedException: {
    text: "The external key store proxy has denied access. Verify that the user and the external key are authorized there.",
    keyStore: "XksProxyInvalidConfigurationException",
    connection: "XKS_PROXY_ACCESS_DENIED",
  },
  KeyNotFoundException: {
    text: "The external key was not found in the external key manager.",
    keyStore: "XksProxyInvalidConfigurationException",
    createKey: "XksKeyNotFoundException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  InvalidUriPathException: {
    text: "The external key store proxy has no such URI path. Verify the path of the key store.",
    keyStore: "XksProxyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_CONFIGURATION",
  },
  UnsupportedOperationException: {
    text: "The external key store proxy does not support the operation.",
    keyStore: "XksProxyInvalidResponseException",
    createKey: "XksKeyInvalidConfigurationException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  DependencyTimeoutException: {
    text: "The external key store proxy did not hear from its key manager in time. Try again.",
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_TIMED_OUT",
  },
  ThrottlingException: {
    text: "The external key store proxy has refused the request because of a high request rate. Reduce the frequency of your calls.",
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  InternalException: {
    text: "The external key store proxy cannot communicate with its key manager. Verify that the key manager is available.",
    keyStore: "XksProxyInvalidResponseException",
    connection: "XKS_PROXY_INVALID_RESPONSE",
  },
  "no key manager": {
    text: "The external key store proxy reports that all of its key managers are unavailable.",
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  unreachable: {
    text: "The external key store proxy cannot be reached. Verify its endpoint, and that the configuration of this service lists it.",
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_NOT_REACHABLE",
  },
  tls: {
    text: "There is no TLS connection to the external key store proxy. Verify its TLS configuration and certificate.",
    keyStore: "XksProxyUriUnreachableException",
    connection: "XKS_PROXY_INVALID_TLS_CONFIGURATION",
  },
  timeout: {
    text: "The external key store proxy did not answer in time. Try again.",
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
    const { text, keyStore, createKey = "CustomKeyStoreInvalidStateException" } = meanings[cause.failure];
    const codes = { keyStore, createKey, use: "KMSInvalidStateException" } as const;
    throw new KmsError(codes[purpose], text, { cause });
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
