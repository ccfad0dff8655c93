import type { Argv } from "yargs";
import { type Installation, installation, installationFlags } from "../flags.ts";

export interface AuditHandlers {
  auditVerify(of: Installation): Promise<void>;
}

export const audit = (cli: Argv, handlers: AuditHandlers): Argv =>
  cli.command("audit", "The audit log", (group) =>
    group
      .command(
        "verify",
        "Walk every chain and show its head, to be compared with one kept elsewhere",
        (command) => command.options(installationFlags),
        (given) => handlers.auditVerify(installation(given)),
      )
      .demandCommand(1, "name a command: verify"),
  );
