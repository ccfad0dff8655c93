import { personalization } from "../../../src/engine/entropy.ts";
import type {
  Addon,
  BoundaryState,
  CryptokiState,
  DeriverState,
  DrbgState,
  SessionPoolState,
} from "../../../src/engine/native/addon.ts";
import { openReader, openReaderSessions } from "./reader.ts";

export type Call = (...args: unknown[]) => unknown;

/** A name, on what it is called, and the letters of its arguments (native/call.h): b octets, t target, n number. */
export type NativeFunction = readonly [name: string, receiver: object, shape: string];

export interface Receivers {
  readonly addon: Addon;
  readonly deriver: DeriverState;
  readonly drbg: DrbgState;
  readonly boundary: BoundaryState;
  readonly cryptoki: CryptokiState;
  readonly sessions: SessionPoolState;
  /** Which have the keys of calls in the token, made there and brought in. */
  readonly deriving: SessionPoolState;
  readonly bringing: SessionPoolState;
}

export function receivers(addon: Addon): Receivers {
  const deriver = new addon.Deriver();
  deriver.start(new Uint8Array(32).fill(2));
  const drbg = new addon.Drbg();
  drbg.instantiate(new Uint8Array(48).fill(1), new Uint8Array(0));
  const boundary = new addon.Boundary();
  boundary.open(new TextEncoder().encode("/dev/urandom\0"), personalization());
  const cryptoki = openReader(addon);
  const [sessions, bringing, deriving] = [0, 1, 2].map((at) => openReaderSessions(addon, undefined, at)) as [
    ...[SessionPoolState, SessionPoolState, SessionPoolState],
  ];
  return { addon, deriver, drbg, boundary, cryptoki, sessions, bringing, deriving };
}

/** All that take arguments. */
export const functionsOf = ({
  addon,
  deriver,
  drbg,
  boundary,
  cryptoki,
  sessions,
  bringing,
  deriving,
}: Receivers): readonly NativeFunction[] => [
  ["sha256", addon, "bt"],
  ["hmacSha256", addon, "bbt"],
  ["kbkdf", addon, "bbt"],
  ["gcmSeal", addon, "bbbbt"],
  ["gcmOpen", addon, "bbbbt"],
  ["sm4GcmSeal", addon, "bbbbt"],
  ["sm4GcmOpen", addon, "bbbbt"],
  ["kwpWrap", addon, "bbt"],
  ["kwpUnwrap", addon, "bbt"],
  ["equal", addon, "bb"],
  ["signDigest", addon, "nnbbt"],
  ["verifyDigest", addon, "nnbbb"],
  ["sm2Sign", addon, "bbt"],
  ["sm2Verify", addon, "bbb"],
  ["sm2Encrypt", addon, "bbt"],
  ["sm2Decrypt", addon, "bbt"],
  ["sm2Agree", addon, "bbt"],
  ["start", deriver, "b"],
  ["seal", deriver, "bbbbt"],
  ["open", deriver, "bbbbt"],
  ["reseed", drbg, "bb"],
  ["generate", drbg, "bt"],
  ["setRoot", boundary, "b"],
  ["generateDomainKey", boundary, "b"],
  ["sealDomainKey", boundary, "bt"],
  ["openDomainKey", boundary, "bb"],
  ["dropDomainKey", boundary, "b"],
  ["generate", boundary, "bnt"],
  ["import", boundary, "bbt"],
  ["importExposed", boundary, "bbbt"],
  ["expose", boundary, "bnt"],
  ["rewrap", boundary, "bbt"],
  ["release", boundary, "bt"],
  ["wrapFor", boundary, "bbt"],
  ["unwrapFrom", boundary, "bbbbt"],
  ["encrypt", boundary, "bbbt"],
  ["decrypt", boundary, "bbbt"],
  ["generateDataKey", boundary, "bbntt"],
  ["reEncrypt", boundary, "bbbbbt"],
  ["mac", boundary, "bbt"],
  ["random", boundary, "t"],
  ["createObject", cryptoki, "bbt"],
  ["generateKey", cryptoki, "bbbt"],
  ["deriveKey", cryptoki, "bbbbt"],
  ["unwrapKey", cryptoki, "bbbbbt"],
  ["wrapKey", cryptoki, "bbbbt"],
  ["interfaces", cryptoki, "t"],
  ["seal", sessions, "nbbbb"],
  ["unseal", sessions, "nbbbb"],
  ["dataKey", sessions, "nbbbnn"],
  ["reEncrypt", sessions, "nbbbbbbb"],
  ["sign", sessions, "nbbb"],
  ["decrypt", sessions, "nbbb"],
  ["random", sessions, "nn"],
  ["collect", sessions, "t"],
  ["seal", bringing, "nbbbb"],
  ["unseal", bringing, "nbbbb"],
  ["collect", bringing, "t"],
  ["reEncrypt", deriving, "nbbbbbbb"],
  ["dataKey", deriving, "nbbbnn"],
  ["collect", deriving, "t"],
];
