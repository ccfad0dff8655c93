import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AuditEvent } from "../../src/audit/audit.ts";
import { buildEvent } from "../../src/audit/event.ts";
import { actor } from "./actor.ts";

export const newEvent = (name = "Decrypt"): AuditEvent =>
  buildEvent({ actor, name, time: Date.now(), readOnly: true, requestParameters: { note: "ünïcödé \ud800\n" } });

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "audit-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}
