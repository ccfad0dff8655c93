import type { Argv } from "yargs";
import { type Installation, installation, installationFlags } from "../flags.ts";

export interface HsmHandlers {
  hsmInit(of: Installation): Promise<void>;
  hsmProbe(of: Installation): Promise<void>;
  hsmStatus(of: Installation): Promise<void>;
  hsmRotateDomainKey(of: Installation): Promise<void>;
}

const commands = [
  ["init", "Make the first domain key in an empty HSM", "hsmInit"],
  ["probe", "Show what the HSM can do, and try it", "hsmProbe"],
  ["status", "Show the HSM and its domain keys", "hsmStatus"],
  ["rotate-domain-key", "Make a new domain key and use it from now on", "hsmRotateDomainKey"],
] as const;

export const hsm = (cli: Argv, handlers: HsmHandlers): Argv =>
  cli.command("hsm", "The HSM and its domain keys", (group) => {
    for (const [name, description, handler] of commands) {
      group.command(
        name,
        description,
        (command) => command.options(installationFlags),
        (given) => handlers[handler](installation(given)),
      );
    }
    return group.demandCommand(1, "hsm needs one of its commands");
  });
