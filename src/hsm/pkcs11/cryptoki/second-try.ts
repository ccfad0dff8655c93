import pkcs11js from "pkcs11js";
import { HsmError } from "../../../base/errors.ts";
import { CryptokiError } from "./cryptoki-call.ts";

/** About session, token or memory, and about no octets that the module was given. */
const outages: readonly number[] = [
  pkcs11js.CKR_HOST_MEMORY,
  pkcs11js.CKR_DEVICE_MEMORY,
  pkcs11js.CKR_DEVICE_REMOVED,
  pkcs11js.CKR_SESSION_CLOSED,
  pkcs11js.CKR_SESSION_COUNT,
  pkcs11js.CKR_SESSION_HANDLE_INVALID,
  pkcs11js.CKR_TOKEN_NOT_PRESENT,
  pkcs11js.CKR_USER_NOT_LOGGED_IN,
  pkcs11js.CKR_CRYPTOKI_NOT_INITIALIZED,
];

export const isOutage = (error: unknown): boolean => error instanceof CryptokiError && outages.includes(error.code);

/** null: the module fails, as it does where the octets are wrong. */
export function orNull<Answer>(use: () => Answer): Answer | null {
  try {
    return use();
  } catch (error) {
    if (error instanceof CryptokiError && !isOutage(error)) return null;
    throw error;
  }
}

/**
 * What the token makes of octets that may be a stranger's. By its code alone, a device that fails is not told from octets
 * that are wrong: CKR_GENERAL_ERROR (quirks.badTagIsGeneralError) and CKR_DEVICE_ERROR are answers to either. So after
 * anything but the right answer the token does something known, in `prove`, which throws where it is not well; then the
 * same again. A fault that comes and goes is nobody's wrong ciphertext, and what strangers send ends no worker.
 */
export function twice<Answer>(use: () => Answer, isRight: (answer: Answer) => boolean, prove: () => void): Answer {
  try {
    const answer = use();
    if (isRight(answer)) return answer;
  } catch (error) {
    if (!isOutage(error)) throw error;
  }
  prove();
  try {
    return use();
  } catch (cause) {
    if (!isOutage(cause)) throw cause;
    throw new HsmError("internal", `the token works, and fails at this: ${(cause as Error).message}`, { cause });
  }
}
