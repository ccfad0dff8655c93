import { HsmError } from "../../base/errors.ts";

/** What the calls of assembly/boundary.ts answer when it is not a length: assembly/status.ts. */
export const refused = -1;
export const notAuthentic = -2;
const full = -3;

export function failureOf(status: number): HsmError {
  if (status === refused) {
    return new HsmError("refused", "the key token is not authentic, or not one that this call serves");
  }
  return new HsmError("internal", status === full ? "32 domain keys are held" : "the boundary is in a wrong state");
}
