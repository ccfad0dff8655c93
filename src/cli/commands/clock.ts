import type { Argv } from "yargs";
import { type Installation, installation, installationFlags } from "../flags.ts";

export interface ClockHandlers {
  clockConfirm(of: Installation): Promise<void>;
}

export const clock = (cli: Argv, handlers: ClockHandlers): Argv =>
  cli.command("clock", "The machine's clock, as far as destruction goes by it", (group) =>
    group
      .command(
        "confirm",
        "After a jump: the time is right now, and keys that are due may be destroyed",
        (command) => command.options(installationFlags),
        (given) => handlers.clockConfirm(installation(given)),
      )
      .demandCommand(1, "name a command: confirm"),
  );
