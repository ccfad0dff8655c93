import type { ProxyRoutes } from "../xks/transport.ts";

/** What the configuration says of custom key stores: whom CreateCustomKeyStore may name. */
export interface KeyStoreConfig {
  readonly proxies: ProxyRoutes;
  readonly clusters: Clusters;
}

/** HSMs of the configuration by the CloudHSM cluster id that clients name them by. */
export type Clusters = Readonly<Record<string, Cluster>>;

export interface Cluster {
  /** The name of the HSM. */
  readonly hsm: string;
  /** PEM: what CreateCustomKeyStore must bring along. */
  readonly trustAnchor: string;
  /** A reference to the password that it must bring along: not the PIN, which nobody may guess at through the API. */
  readonly password: string;
}

export const noKeyStores: KeyStoreConfig = { proxies: {}, clusters: {} };
