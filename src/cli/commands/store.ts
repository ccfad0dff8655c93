import type { Argv } from "yargs";
import { type Installation, installation, installationFlags } from "../flags.ts";

export interface StoreHandlers {
  storeAcceptRollback(of: Installation): Promise<void>;
  storeRotateRecordKey(of: Installation): Promise<void>;
}

export const store = (cli: Argv, handlers: StoreHandlers): Argv =>
  cli.command("store", "The store of records", (group) =>
    group
      .command(
        "accept-rollback",
        "Go on with a store that is older than its anchor in the HSM: what came after is lost",
        (command) => command.options(installationFlags),
        (given) => handlers.storeAcceptRollback(installation(given)),
      )
      .command(
        "rotate-record-key",
        "Seal every record anew, by a new key; a running service goes on meanwhile",
        (command) => command.options(installationFlags),
        (given) => handlers.storeRotateRecordKey(installation(given)),
      )
      .demandCommand(1, "name a command: accept-rollback, rotate-record-key"),
  );
