import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import { type DomainKeyMode, domainKeyModes } from "../../hsm/hsm.ts";
import { flag, type Installation, installation, installationFlags, referenceFlag } from "../flags.ts";

/** A token that belongs to no installation yet. */
export interface Token {
  readonly uri: string;
  /** A reference. Without a PIN, nothing is tried. */
  readonly pin?: string;
}

export interface HsmHandlers {
  hsmInit(of: Installation, mode: DomainKeyMode): Promise<void>;
  hsmProbe(of: Installation | Token): Promise<void>;
  hsmStatus(of: Installation): Promise<void>;
  hsmRotateDomainKey(of: Installation): Promise<void>;
}

const commands = [
  ["status", "Show the HSM and its domain keys", "hsmStatus"],
  ["rotate-domain-key", "Make a new domain key, and wrap every key under it", "hsmRotateDomainKey"],
] as const;

const mode = {
  choices: domainKeyModes,
  default: "plain",
  requiresArg: true,
  description: "Who can take keys out of a PKCS#11 token: plain: who has PIN and store; locked: nobody",
} as const;

const token = {
  ...installationFlags,
  pin: referenceFlag("pin", "The PIN of the token that the URI names: file:PATH or env:NAME"),
} as const;

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
    group.command(
      "init",
      "Make the first domain key in an empty HSM, and an empty store",
      (command) => command.options({ ...installationFlags, mode }),
      (given) => handlers.hsmInit(installation(given), given.mode),
    );
    group.command(
      "probe [uri]",
      "Show what an HSM can do, and try it: that of an installation, or the token that a PKCS#11 URI names",
      (command) =>
        command.positional("uri", flag("uri", "pkcs11:…?module-path=…", "a PKCS#11 URI", pkcs11)).options(token),
      (given) => handlers.hsmProbe(given.uri === undefined ? installation(given) : tokenOf(given.uri, given)),
    );
    return group.demandCommand(1, "hsm needs one of its commands");
  });

const pkcs11 = (value: string): string | undefined => (value.startsWith("pkcs11:") ? value : undefined);

function tokenOf(
  uri: string,
  { pin, home, config }: { pin?: string | undefined; home?: string | undefined; config?: string | undefined },
): Token {
  if (home !== undefined || config !== undefined) throw new ConfigError("a URI goes with neither --home nor --config");
  return pin === undefined ? { uri } : { uri, pin };
}
