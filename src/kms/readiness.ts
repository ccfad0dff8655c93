import type { AuditLog } from "../audit/log.ts";
import { utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Health } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";
import { type MissingHsms, missingNotice } from "./missing-hsms.ts";

export interface ReadinessParts {
  readonly store: Store;
  readonly hsms: HsmSet;
  readonly missing: MissingHsms;
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
 * Ready: the store commits, the domain key of the primary HSM or of a replica answers, and the audit log takes events. How
 * each HSM is, is told, also of those that hold keys and are not configured: without them the service serves the others.
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
    const { hsms, missing, log } = this.#parts;
    const healths = await Promise.all(hsms.members.map((member) => member.health()));
    const store = await this.#commits();
    const audit = told(log.health());
    const serves = hsms.members.some((member, i) => hsms.keepers.includes(member) && healths[i]?.ok);
    const hsmChecks = hsms.members.map(({ name }, i) => [i === 0 ? "hsm" : `hsm ${name}`, told(healths[i] as Health)]);
    const missingChecks = missing.last.map((one) => [`hsm ${one.name}`, missingNotice(one)]);
    return {
      ok: serves && store === "ok" && audit === "ok",
      checks: { store, ...Object.fromEntries([...hsmChecks, ...missingChecks]), audit },
    };
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
