import type { Principal } from "../access/authorizer.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Caller } from "../kms/caller.ts";
import type { KeySource } from "../sigv4/signing-keys.ts";

export interface AccessKey extends KeySource {
  readonly principal: Principal;
  readonly active: boolean;
}

/** What the server needs of the layers below. */
export interface Services {
  /** Undefined when the id is unknown. Asks no HSM. */
  accessKey(id: string): Promise<AccessKey | undefined>;
  /**
   * Performs one operation. `operation` is the name after `TrentService.`, "" when there is none; `body` is the raw JSON
   * text, wiped after. Answers the response, or undefined for an empty body. Throws KmsError, HsmError, StoreError,
   * AuditError.
   */
  perform(operation: string, caller: Caller, body: Bytes): Promise<Readonly<Record<string, unknown>> | undefined>;
}
