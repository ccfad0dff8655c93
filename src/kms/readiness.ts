import type { AuditLog } from "../audit/log.ts";
import { utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Health } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

export interface ReadinessParts {
  readonly store: Store;
  readonly hsms: HsmSet;
  readonly log: AuditLog;
}

export interface State {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

/** How long an answer is good for, in milliseconds: a probe must not become a load. */
const validity = 1000;

const probePath = path("setting", "probe");

/**
 * Ready: the store commits, the primary HSM's domain key answers, and the audit log takes events. Of other HSMs it is told
 * how they are.
 */
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
    const { hsms, log } = this.#parts;
    const [hsm, ...others] = await Promise.all(hsms.members.map((member) => member.health()));
    const checks = { store: await this.#commits(), hsm: told(hsm as Health), audit: told(log.health()) };
    const ok = Object.values(checks).every((check) => check === "ok");
    const names = hsms.members.slice(1).map(({ name }) => `hsm ${name}`);
    return { ok, checks: { ...checks, ...Object.fromEntries(others.map((health, i) => [names[i], told(health)])) } };
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

const told = ({ ok, detail }: Health): string => (ok ? "ok" : detail);
