import type { KmsError } from "../base/errors.ts";
import type { KmsErrorCode } from "../base/message.ts";

/** `body` is JSON text, or "". */
export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

/** Every other code is 400, whatever the model's `httpError` says: that is what AWS KMS sends. */
const httpStatus: Partial<Record<KmsErrorCode, number>> = {
  DependencyTimeoutException: 500,
  KMSInternalException: 500,
  RequestEntityTooLarge: 413,
};

/** Clients read `message` or `Message`; AccessDeniedException has the capital, and an empty message is left out. */
export function toWire({ code, message }: KmsError): WireAnswer {
  const member = code === "AccessDeniedException" ? "Message" : "message";
  const text = message === "" ? {} : { [member]: message };
  return { status: httpStatus[code] ?? 400, body: JSON.stringify({ __type: code, ...text }) };
}
