/**
 * A process that appends until it is killed: `node appender.ts <directory> <in flight> [options as JSON]`. Tells each
 * event on its standard output when the log says that it is durable.
 */
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { AuditEvent } from "../../src/audit/audit.ts";
import { buildEvent } from "../../src/audit/event.ts";
import { openAuditLog } from "../../src/audit/log.ts";
import { actor } from "./actor.ts";

const [directory = "", inFlight = "1", options = "{}"] = process.argv.slice(2);
const log = await openAuditLog(directory, "server", JSON.parse(options));
log.failed.then(async (error) => {
  writeSync(1, `failed ${error.message}\n`);
  const again = await log.append(newEvent()).catch((refusal: Error) => refusal);
  writeSync(1, again === error && !log.health().ok ? "and for good\n" : "and works again\n");
  process.exit(1);
});

const newEvent = (): AuditEvent =>
  buildEvent({ actor, name: "Decrypt", time: Date.now(), readOnly: true, requestParameters: null });

async function appendForever(): Promise<void> {
  for (;;) {
    try {
      log.reserve();
    } catch (error) {
      writeSync(1, `refused ${(error as Error).message}\n`);
      await setTimeout(300);
      continue;
    }
    const event = newEvent();
    await log.append(event);
    writeSync(1, `durable ${event.eventID}\n`);
  }
}
// What ends it is a failure of the log, which is told above.
for (let i = 0; i < Number(inFlight); i++) appendForever().catch(() => undefined);
