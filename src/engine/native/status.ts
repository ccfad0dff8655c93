import { HsmError } from "../../base/errors.ts";

/** Of native/status.h. */
export const notAuthentic = -2;
/** A function of a PKCS#11 module failed. */
export const moduleFailed = -10;
/** What pkcs11js does in the module is not seen from native code. */
export const notShared = -11;

const failures: Readonly<Record<number, () => Error>> = {
  [-1]: () => new HsmError("refused", "the key token is not authentic, or not one that this call serves"),
  [-3]: () => new HsmError("internal", "32 domain keys are held"),
  [-4]: () => new HsmError("internal", "the boundary is in a wrong state, or OpenSSL failed"),
  [-5]: () => new HsmError("internal", "it is closed, or was stopped by a failure"),
  [-6]: () => new HsmError("internal", "the operating system's random generator failed or repeated itself"),
  [-7]: () => new TypeError("not a Uint8Array over memory that is attached and not shared"),
  [-8]: () => new RangeError("a length is out of bounds, or a target overlaps another argument"),
  [-9]: () => new HsmError("refused", "not a key of the type that the algorithm needs"),
  [notShared]: () => new HsmError("unsupported", "the PKCS#11 module gives each caller a state of its own"),
};

/** The length that a call answered. */
export function answered(status: number): number {
  if (status >= 0) return status;
  throw failureOf(status);
}

/** Of a negative status. */
export const failureOf = (status: number): Error =>
  failures[status]?.() ?? new HsmError("internal", "the native engine failed");

/** The same, or null: not authentic. */
export const authentic = (status: number): number | null => (status === notAuthentic ? null : answered(status));
