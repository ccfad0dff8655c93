import type { KeyRecord } from "./key.ts";
import type { KeyState } from "./key-spec.ts";

/** Enumerations of the API for custom key stores (AWS KMS API Reference, CustomKeyStoresListEntry). */

export const customKeyStoreTypes = ["AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"] as const;
export type CustomKeyStoreType = (typeof customKeyStoreTypes)[number];

export const xksConnectivities = ["PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE"] as const;
export type XksConnectivity = (typeof xksConnectivities)[number];

export const connectionStates = ["CONNECTED", "CONNECTING", "FAILED", "DISCONNECTED", "DISCONNECTING"] as const;
export type ConnectionState = (typeof connectionStates)[number];

export const connectionErrorCodes = [
  "INVALID_CREDENTIALS",
  "CLUSTER_NOT_FOUND",
  "NETWORK_ERRORS",
  "INTERNAL_ERROR",
  "INSUFFICIENT_CLOUDHSM_HSMS",
  "USER_LOCKED_OUT",
  "USER_NOT_FOUND",
  "USER_LOGGED_IN",
  "SUBNET_NOT_FOUND",
  "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET",
  "XKS_PROXY_ACCESS_DENIED",
  "XKS_PROXY_NOT_REACHABLE",
  "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND",
  "XKS_PROXY_INVALID_RESPONSE",
  "XKS_PROXY_INVALID_CONFIGURATION",
  "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION",
  "XKS_PROXY_TIMED_OUT",
  "XKS_PROXY_INVALID_TLS_CONFIGURATION",
] as const;
export type ConnectionErrorCode = (typeof connectionErrorCodes)[number];

/** A further place for key material. Exactly one of `cluster` and `proxy`, by its type. */
export interface CustomKeyStore {
  /** `cks-` and 17 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly state: ConnectionState;
  /** In state FAILED. */
  readonly errorCode?: ConnectionErrorCode;
  readonly cluster?: ClusterConnection;
  readonly proxy?: ProxyConnection;
}

/** An HSM of the configuration, under the name of a CloudHSM cluster. */
export interface ClusterConnection {
  readonly id: string;
  /** PEM, as it was given. */
  readonly trustAnchor: string;
  /** scrypt of the password, base64. */
  readonly password: { readonly salt: string; readonly hash: string };
}

/** An external key store proxy. */
export interface ProxyConnection {
  /** `https://` and a host name. */
  readonly endpoint: string;
  readonly path: string;
  readonly accessKeyId: string;
  /** The secret access key: a key token of kind sigv4, base64, and what other HSMs have wrapped of it. */
  readonly ekt: string;
  readonly replicas?: readonly string[];
}

export const typeOfStore = (store: CustomKeyStore): CustomKeyStoreType =>
  store.proxy ? "EXTERNAL_KEY_STORE" : "AWS_CLOUDHSM";

/**
 * The state that a key shows: what cannot be reached is Unavailable, whether it is enabled or not; a deletion that is
 * scheduled stays visible, so that it can be cancelled.
 */
export function stateIn(store: CustomKeyStore | undefined, { state }: Pick<KeyRecord, "state">): KeyState {
  const reachable = store?.state === "CONNECTED";
  return !reachable && (state === "Enabled" || state === "Disabled") ? "Unavailable" : state;
}

/** An entry of DescribeCustomKeyStores. */
export function describeStore(store: CustomKeyStore): Record<string, unknown> {
  const { proxy, cluster } = store;
  return {
    CustomKeyStoreId: store.id,
    CustomKeyStoreName: store.name,
    CustomKeyStoreType: typeOfStore(store),
    CloudHsmClusterId: cluster?.id,
    TrustAnchorCertificate: cluster?.trustAnchor,
    ConnectionState: store.state,
    ConnectionErrorCode: store.errorCode,
    CreationDate: new Date(store.createdAt),
    XksProxyConfiguration: proxy && {
      Connectivity: "PUBLIC_ENDPOINT",
      AccessKeyId: proxy.accessKeyId,
      UriEndpoint: proxy.endpoint,
      UriPath: proxy.path,
    },
  };
}
