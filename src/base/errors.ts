import { type KmsErrorCode, type Message, textOf } from "./message.ts";

/**
 * An answer of the API: `code` and `message` go to the client as they are, so neither may hold a secret or request bytes.
 * What it can say stands in messages.ts.
 */
export class KmsError extends Error {
  readonly code: KmsErrorCode;

  constructor(...[code, name, values, options]: Message) {
    super(textOf(code, name, values), options);
    this.name = "KmsError";
    this.code = code;
  }
}

/**
 * A failure of an HSM.
 * - `unavailable`: not reachable now, a retry may succeed; nothing was done.
 * - `unsupported`: this HSM cannot do it, ever.
 * - `refused`: the key token is not authentic, of another kind or usage, or under an unknown domain key.
 * - `internal`: anything else, a self-test or a device fault.
 */
export type HsmErrorKind = "unavailable" | "unsupported" | "refused" | "internal";

export class HsmError extends Error {
  readonly kind: HsmErrorKind;

  constructor(kind: HsmErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HsmError";
    this.kind = kind;
  }
}

export const refused = (message: string, cause?: unknown): HsmError => new HsmError("refused", message, { cause });

/**
 * A failure of the store.
 * - `conflict`: a revision in the commit was stale; nothing was written.
 * - `unavailable`: not reachable, read-only, full or failing; nothing was acknowledged.
 * - `corrupt`: truncated, edited, or sealed by another key. Never repaired by guessing.
 * - `rollback`: older than its anchor in the HSM.
 */
export type StoreErrorKind = "conflict" | "unavailable" | "corrupt" | "rollback";

export class StoreError extends Error {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.kind = kind;
  }
}

/** The audit sink cannot take an event: nothing may be answered. */
export class AuditError extends Error {
  override readonly name = "AuditError";
}

/** What the operator gave (a file, a flag, a URI, an environment) cannot be used; `message` says where and why. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
