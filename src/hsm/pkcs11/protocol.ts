import type { Bytes } from "../../base/bytes.ts";
import { ConfigError, HsmError, type HsmErrorKind } from "../../base/errors.ts";
import type { EngineName } from "../../engine/engine.ts";
import type { Ceremony } from "../admin.ts";
import type { DomainKeyMode, Pkcs11Boundary, Pkcs11Wrapping } from "../config.ts";
import type { DomainKeyId } from "../domain-key.ts";
import type { HsmInfo } from "../hsm.ts";
import type { TokenSelector } from "./cryptoki/token-selector.ts";
import type { Profile } from "./profile/profile.ts";

/** Of `KeyPairs`: worker/token-key-pairs.ts. */
const pairMethods = ["generatePair", "generateDataKeyPair", "sign", "decryptByPair", "deriveSharedSecret"] as const;
export type PairMethod = (typeof pairMethods)[number];

/** Of `Imports`: token-imports.ts. */
const importMethods = ["wrappingKey", "unwrap"] as const;
export type ImportMethod = (typeof importMethods)[number];

/**
 * Between the server and a worker: the server sends a greeting (call 0), the worker answers it when it is ready; then
 * each call is a frame whose code is the place of its method in the list of the worker's role, and each answer a frame
 * whose code is one of `answers`. A worker that was started for one role has no methods of another.
 */
export const methods = {
  hsm: [
    "generateKey",
    "importKey",
    "encrypt",
    "decrypt",
    "generateDataKey",
    "reEncrypt",
    "mac",
    "release",
    "random",
    "readAnchor",
    "writeAnchor",
    "reload",
    "health",
    "replicate",
    ...pairMethods,
    ...importMethods,
  ],
  admin: [
    "domainKeys",
    "addDomainKey",
    "activateDomainKey",
    "quarantineDomainKey",
    "destroyDomainKey",
    "rewrap",
    "transportKey",
    "pinTransportKey",
    "pinnedTransportKeys",
    "unpinTransportKey",
    "exportTo",
    "importFrom",
    "residentKeys",
    "destroyResidentKey",
  ],
  inventory: ["objects", "wasEmpty", "clear", "mostSessions"],
  /** These do their one thing and answer the greeting with it. */
  init: [],
  ceremony: [],
  probe: [],
  provision: [],
} as const;
export type Role = keyof typeof methods;
export type MethodOf<R extends Role> = (typeof methods)[R][number];

/** An HSM may need a minute for an RSA key pair. The worker says meanwhile that it works. */
export const making: readonly string[] = ["generatePair", "generateDataKeyPair", "wrappingKey"] satisfies (
  | PairMethod
  | ImportMethod
)[];

/** What a worker is told first. The PIN goes over the inherited socket only. */
export interface Greeting {
  readonly role: Role;
  /** A real path, checked by `trustedModule`. */
  readonly module: string;
  /** The library parameters of C_Initialize. */
  readonly initArgs?: string;
  readonly token: TokenSelector;
  readonly pin?: Bytes;
  readonly engine: EngineName;
  readonly boundary: Pkcs11Boundary;
  readonly wrapping: Pkcs11Wrapping;
  /** After how many hours or calls it asks to be replaced. */
  /** `memory` in MiB. */
  readonly life: { readonly hours: number; readonly calls: number; readonly memory: number };
  /** How many operations may go on at once; undefined: as many as suit the token. */
  readonly sessions?: number;
  /** For how many milliseconds one operation may last. */
  readonly longestOperation?: number;
  /** What another worker of this process has found out about this module. */
  readonly profile?: Profile;
  /** What one of an earlier process has: sealed.ts. */
  readonly sealed?: Bytes;
  /** `init` only. */
  readonly mode?: DomainKeyMode;
  /** `provision` only. */
  readonly label?: string;
  /** `provision` and `ceremony`. */
  readonly soPin?: Bytes;
  /** `ceremony` only. */
  readonly ceremony?: Omit<Ceremony, "soPin">;
}

/** What a worker for `hsm` has found its token to do. */
export interface Found {
  readonly profile: Profile;
  /** The same for processes to come, where it is news. */
  readonly sealed?: Bytes;
}

/** The answer of a worker that has opened a token. */
export interface Opened extends Partial<Found> {
  readonly info: HsmInfo;
  /** How many operations go on at once. */
  readonly sessions: number;
  /** Those that it unwraps by. */
  readonly domainKeys: readonly DomainKeyId[];
}

/**
 * These two answer no call: with `retire` the worker asks to be replaced, with `working` it says that it runs, and then
 * now and again that its start goes on, or that calls which take long are being served. Once it has answered the
 * greeting, an error in answer to that is the worker's end.
 */
export const answers = {
  done: 0,
  hsmError: 1,
  configError: 2,
  rangeError: 3,
  pinRefused: 4,
  retire: 5,
  working: 6,
  officerPinRefused: 7,
} as const;

/** The token refused the PIN. The next try may be the last one it grants. */
export class PinRefused extends ConfigError {}
/** Likewise that of the security officer. */
export class OfficerPinRefused extends ConfigError {}

/** The code and value of an answer for `error`: names and messages of our own errors only, never a cause. */
export function answerOf(error: unknown): { code: number; value: unknown } {
  if (error instanceof HsmError) return { code: answers.hsmError, value: { kind: error.kind, message: error.message } };
  if (error instanceof PinRefused) return { code: answers.pinRefused, value: { message: error.message } };
  if (error instanceof OfficerPinRefused) {
    return { code: answers.officerPinRefused, value: { message: error.message } };
  }
  if (error instanceof ConfigError) return { code: answers.configError, value: { message: error.message } };
  if (error instanceof RangeError) return { code: answers.rangeError, value: { message: error.message } };
  const name = error instanceof Error ? error.name : typeof error;
  return { code: answers.hsmError, value: { kind: "internal", message: `the PKCS#11 worker failed: ${name}` } };
}

export function errorOf(code: number, value: unknown): Error {
  const { kind = "internal", message } = value as { kind?: HsmErrorKind; message: string };
  if (code === answers.configError) return new ConfigError(message);
  if (code === answers.pinRefused) return new PinRefused(message);
  if (code === answers.officerPinRefused) return new OfficerPinRefused(message);
  if (code === answers.rangeError) return new RangeError(message);
  return new HsmError(kind, message);
}
