import type { EngineName } from "../engine/engine.ts";
import type { KeySpec } from "../model/key-spec.ts";

export type DriverName = "soft" | "pkcs11";

/** What the configuration says of one HSM. Secrets come by reference: `file:<path>` or `env:<name>`. */
export type HsmConfig = SoftConfig | Pkcs11Config;

/** One HSM of a deployment. */
export interface ConfiguredHsm {
  /** It names the HSM's domain record in the store, so it stays. */
  readonly name: string;
  readonly hsm: HsmConfig;
  /** New keys of these specs are made in it; `default`: of those that no HSM names. Without it, the primary's are. */
  readonly specs?: readonly KeySpec[] | "default";
  /** The name of an HSM all of whose keys this one holds, too: it is no replica itself. */
  readonly replicaOf?: string;
}

export interface SoftConfig {
  readonly driver: "soft";
  /** A private folder (0700) for the sealed domain state. */
  readonly directory: string;
  /** Exactly one of them: a file of 32 random bytes, or a passphrase. */
  readonly keyFile?: string;
  readonly passphrase?: string;
  /** Default: wasm. `auto`: the fastest of `allow` on this machine (engine/auto.ts). */
  readonly engine?: EngineName | "auto";
  /** Default: native and wasm. */
  readonly allow?: readonly EngineName[];
}

export interface Pkcs11Config {
  readonly driver: "pkcs11";
  /** RFC 7512: `module-path` and `token` (and `serial` where labels repeat). No `pin-value`. */
  readonly uri: string;
  /** Without it, `pin-source` of the URI is the reference. */
  readonly pin?: string;
  /** Default: native where it has been built, and wasm where it has not. */
  readonly engine?: EngineName;
  /** Default: call-key. One that the token cannot be is refused when the HSM is opened. */
  readonly boundary?: Pkcs11Boundary;
  /** Default: auto. One that the token lacks is refused when the HSM is opened. Keys that are there stay as they are. */
  readonly wrapping?: Pkcs11Wrapping;
  /** Environment of the worker process, for modules that are configured by it (`SOFTHSM2_CONF`). */
  readonly environment?: Readonly<Record<string, string>>;
  /** Library parameters of C_Initialize, for modules that are configured by them (NSS: `configdir='sql:/etc/nss'`). */
  readonly initArgs?: string;
  /** Processes that share the calls, each with a login of its own; default 1. A second takes over when one ends. */
  readonly workers?: number;
  /**
   * Operations that each worker has going on in the token at once, each in a session of its own. Default: 16 where the
   * token takes longer than half a millisecond for a MAC, as over a network, and 1 where it does not. More than the
   * token has sessions for are refused. Takes the native engine.
   */
  readonly sessions?: number;
  /**
   * Longest time of one call, retries included, in milliseconds; default 5,000. A worker that answers nothing for half of
   * it is taken to hang, and its calls are given to another.
   */
  readonly deadline?: number;
  /**
   * For how long a worker may give no sign when it starts, in milliseconds: to load the module, connect, log in, and at each
   * test of what the token can do. Its whole start may take eight times that. Default 15,000; never less than
   * `deadline`.
   */
  readonly startDeadline?: number;
  /** How many calls may be served or wait at the same time, default 2,048; more are refused. */
  readonly inFlight?: number;
  /**
   * A worker is replaced after so many hours or calls, or when so many MiB of it are resident, for modules that leak;
   * default 24, 1,000,000 and 1,024.
   */
  readonly workerHours?: number;
  readonly workerCalls?: number;
  readonly workerMemory?: number;
  /**
   * A private folder that remembers a refused PIN beyond this process, so that no restart tries it again, and what the
   * token can do, so that none tries that again; and in which administrators of this HSM find each other.
   */
  readonly stateDirectory?: string;
}

/** Where the per-call key is made and used: `HsmInfo.boundary`. Ciphertexts are the same. */
export const pkcs11Boundaries = ["call-key", "token-gcm", "token"] as const;
export type Pkcs11Boundary = (typeof pkcs11Boundaries)[number];

/**
 * What becomes of new keys. `auto`: the best wrapping that the token has. `kwp`: RFC 5649. `cbc-pad`: AES-CBC under the
 * MAC of the key token. `resident`: objects of the token, one for each key: nobody takes one out, no other HSM can have
 * it.
 */
export const pkcs11Wrappings = ["auto", "kwp", "cbc-pad", "resident"] as const;
export type Pkcs11Wrapping = (typeof pkcs11Wrappings)[number];

/**
 * Who can take keys out of a PKCS#11 token. `plain`: whoever has its PIN, and the store. `locked`: nobody, so keys cannot be
 * wrapped anew nor be exported. `trusted`: only under keys that a security officer trusts.
 */
export const domainKeyModes = ["plain", "locked", "trusted"] as const;
export type DomainKeyMode = (typeof domainKeyModes)[number];
