import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { Structure } from "../model/shape.ts";

/** One operation of the API: its name, the shape of its request, and what it does. */
export interface Operation<Request = unknown> {
  readonly name: string;
  readonly request: Structure<Request>;
  /** CloudTrail's `readOnly`: true for cryptographic operations, too. */
  readonly readOnly: boolean;
  /** The response's members; `undefined` for an operation whose answer has no body. */
  run(kms: Kms, call: Call, request: Request): Promise<Response>;
}

/** The members of responses that hold secret octets. Others may be shared with caches of the layers below. */
export const secretMembers = ["Plaintext", "PrivateKeyPlaintext", "SharedSecret"] as const;

export type Response = Readonly<Record<string, unknown>> | undefined;

/** Infers the request type from its shape. */
export const operation = <Request>(definition: Operation<Request>): Operation<Request> => definition;
