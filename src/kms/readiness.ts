import type { AuditLog } from "../audit/log.ts";
import { utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Hsm } from "../hsm/hsm.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

export interface ReadinessParts {
  readonly store: Store;
  readonly hsm: Hsm;
  readonly log: AuditLog;
}

export interface State {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

/** How long an answer is good for, in milliseconds: a probe must not become a load. */
const validity = 1000;

const probePath = path("setting", "probe");

/** Ready: the store commits, the HSM's domain key answers, and the audit log takes events. */
export class Readiness {
  readonly #parts: ReadinessParts;
  #last: { state: Promise<State>; at: number } | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  check(): Promise<State> {
    const now = performance.now();
    if (!this.#last || now - this.#last.at > validity) this.#last = { state: this.#check(), at: now };
    return this.#last.state;
  }

  async #check(): Promise<State> {
    const { hsm, log } = this.#parts;
    const health = await hsm.health();
    const audit = log.health();
    const checks = {
      store: await this.#commits(),
      hsm: health.ok ? "ok" : health.detail,
      audit: audit.ok ? "ok" : audit.detail,
    };
    return { ok: Object.values(checks).every((check) => check === "ok"), checks };
  }

  async #commits(): Promise<string> {
    const { store } = this.#parts;
    try {
      const revision = (await store.get(probePath))?.revision ?? 0;
      await store.commit([{ path: probePath, value: utf8("probe"), revision }]);
      return "ok";
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Another process has just committed it: that is an answer, too.
      return error.kind === "conflict" ? "ok" : error.message;
    }
  }
}
