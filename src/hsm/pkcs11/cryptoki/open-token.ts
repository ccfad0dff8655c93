import pkcs11js from "pkcs11js";
import { type Bytes, fromUtf8 } from "../../../base/bytes.ts";
import { ConfigError, HsmError } from "../../../base/errors.ts";
import { OfficerPinRefused, PinRefused } from "../protocol.ts";
import { CryptokiError, call } from "./cryptoki-call.ts";
import { chooseToken, type TokenSelector } from "./token-selector.ts";

type Handle = pkcs11js.Handle;

/** Kept for the life of the process: a collected PKCS11 object unloads its module. */
const loaded: pkcs11js.PKCS11[] = [];

export function loadModule(path: string, initArgs?: string): pkcs11js.PKCS11 {
  const module = new pkcs11js.PKCS11();
  loaded.push(module);
  loading(path, () => module.load(path));
  starting(path, () => module.C_Initialize(initOptions(initArgs)));
  return module;
}

export function loading<Answer>(path: string, load: () => Answer): Answer {
  try {
    return load();
  } catch (cause) {
    throw new ConfigError(`${path} is no PKCS#11 module that loads here`, { cause });
  }
}

export function starting(path: string, initialize: () => void): void {
  try {
    call("C_Initialize", initialize);
  } catch (cause) {
    const message = `${path} does not start: ${(cause as Error).message} (are its environment and initArgs set?)`;
    throw new HsmError("unavailable", message, { cause });
  }
}

/**
 * Without flags a module may leave its locks out. pkcs11js 2.1.7 drops the last character of the parameters: here, a
 * blank.
 */
export const initOptions = (initArgs?: string): pkcs11js.InitializationOptions => ({
  flags: pkcs11js.CKF_OS_LOCKING_OK,
  ...(initArgs !== undefined && { libraryParameters: `${initArgs} ` }),
});

export function findSlot(module: pkcs11js.PKCS11, wanted: TokenSelector): Handle {
  const candidates = call("C_GetSlotList", () => module.C_GetSlotList(true))
    .map((slot) => ({ slot, info: call("C_GetTokenInfo", () => module.C_GetTokenInfo(slot)) }))
    .filter(({ info }) => (info.flags & pkcs11js.CKF_TOKEN_INITIALIZED) !== 0)
    .map(({ slot, info: { label, serialNumber: serial, manufacturerID: manufacturer, model } }) => ({
      slot,
      token: { label, serial, manufacturer, model, slotId: slot.readUInt32LE(0) },
    }));
  return chooseToken(candidates, wanted);
}

const roles = {
  user: {
    type: pkcs11js.CKU_USER,
    pin: "PIN",
    lastTry: pkcs11js.CKF_USER_PIN_FINAL_TRY | pkcs11js.CKF_USER_PIN_LOCKED,
    refusal: PinRefused,
  },
  officer: {
    type: pkcs11js.CKU_SO,
    pin: "security officer's PIN",
    lastTry: pkcs11js.CKF_SO_PIN_FINAL_TRY | pkcs11js.CKF_SO_PIN_LOCKED,
    refusal: OfficerPinRefused,
  },
} as const;
const pinRefusals: readonly number[] = [
  pkcs11js.CKR_PIN_INCORRECT,
  pkcs11js.CKR_PIN_INVALID,
  pkcs11js.CKR_PIN_LEN_RANGE,
];
/** The PIN is what the security officer has to see to; another try with it costs nothing. */
const pinStates: readonly number[] = [
  pkcs11js.CKR_PIN_EXPIRED,
  pkcs11js.CKR_PIN_LOCKED,
  pkcs11js.CKR_USER_PIN_NOT_INITIALIZED,
];

/** ConfigError: it is not tried. PinRefused, OfficerPinRefused: it was, and must not be again. */
export function login(
  module: pkcs11js.PKCS11,
  slot: Handle,
  session: Handle,
  pin: Bytes,
  role: keyof typeof roles = "user",
): void {
  const { type, pin: name, lastTry, refusal: Refusal } = roles[role];
  if ((call("C_GetTokenInfo", () => module.C_GetTokenInfo(slot)).flags & lastTry) !== 0) {
    throw new ConfigError(`the token's ${name} is locked, or one wrong try away from it: it is not tried`);
  }
  try {
    call("C_Login", () => module.C_Login(session, type, fromUtf8(pin)));
  } catch (error) {
    const code = error instanceof CryptokiError ? error.code : 0;
    const message = `the token refuses the ${name}: ${(error as Error).message}`;
    if (pinStates.includes(code)) throw new ConfigError(message, { cause: error });
    if (pinRefusals.includes(code)) throw new Refusal(message, { cause: error });
    throw error;
  }
}
