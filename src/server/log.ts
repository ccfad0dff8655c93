import type { Clock } from "../base/clock.ts";
import { AuditError, HsmError, StoreError } from "../base/errors.ts";

export type LogFields = Readonly<Record<string, string | number | undefined>>;

/**
 * JSON lines for operators, on standard error: failures, and requests that nobody signed. Strangers can cause them, so
 * no more than `burst` at once and `rate` a second are written; the next line says how many were not.
 */
export class ServerLog {
  #tokens: number;
  #filled: number;
  #suppressed = 0;
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #rate: number;
  readonly #burst: number;

  constructor(clock: Clock, write = writeStandardError, { rate = 10, burst = 50 } = {}) {
    this.#clock = clock;
    this.#write = write;
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filled = clock.real();
  }

  /** `fields` hold no secret and no octet of a request but those that were checked for their shape. */
  write(event: string, fields: LogFields): void {
    const now = this.#clock.real();
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filled) * (this.#rate / 1000));
    this.#filled = now;
    if (this.#tokens < 1) {
      this.#suppressed++;
      return;
    }
    this.#tokens--;
    const suppressed = this.#suppressed || undefined;
    this.#suppressed = 0;
    this.#write(`${JSON.stringify({ time: new Date(now).toISOString(), event, ...fields, suppressed })}\n`);
  }
}

/**
 * What may be said of a failure. Messages of our own errors are written for operators; another's may quote what it was
 * given, so only its name and where it was thrown.
 */
export function describeFailure(error: unknown): LogFields {
  if (error instanceof HsmError || error instanceof StoreError) {
    return { error: error.name, kind: error.kind, message: error.message };
  }
  if (error instanceof AuditError) return { error: error.name, message: error.message };
  if (!(error instanceof Error)) return { error: typeof error };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const frames = error.stack?.replace(error.message, "").match(/^ +at .*/gm);
  return { error: error.name, code, at: frames?.slice(0, 8).join("\n") };
}

const writeStandardError = (line: string): void => {
  process.stderr.write(line);
};
