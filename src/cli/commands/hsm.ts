import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import { type DomainKeyMode, domainKeyModes } from "../../hsm/hsm.ts";
import { flag, type Installation, installation, installationFlags, nonEmpty, referenceFlag } from "../flags.ts";
import { type CustodyHandlers, custody } from "./custody.ts";

/** A token that belongs to no installation yet. */
export interface Token {
  readonly uri: string;
  /** A reference. Without a PIN, nothing is tried. */
  readonly pin?: string;
}

export interface HsmHandlers extends CustodyHandlers {
  /** Without a name, all HSMs, and the store. */
  hsmInit(of: Installation, mode: DomainKeyMode, name?: string): Promise<void>;
  /** Without a name, the primary: here and below. */
  hsmProbe(of: Installation | Token, name?: string): Promise<void>;
  hsmStatus(of: Installation, name?: string): Promise<void>;
  hsmRotateDomainKey(of: Installation, name?: string): Promise<void>;
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

const options = {
  ...installationFlags,
  hsm: flag("hsm", "One of several HSMs, by its name in the configuration [default: the primary]", "a name", nonEmpty),
} as const;

const token = {
  ...options,
  pin: referenceFlag("pin", "The PIN of the token that the URI names: file:PATH or env:NAME"),
} as const;

export const hsm = (cli: Argv, handlers: HsmHandlers): Argv =>
  cli.command("hsm", "The HSM and its domain keys", (group) => {
    for (const [name, description, handler] of commands) {
      group.command(
        name,
        description,
        (command) => command.options(options),
        (given) => handlers[handler](installation(given), given.hsm),
      );
    }
    group.command(
      "init",
      "Make the first domain key in empty HSMs, and an empty store; with --hsm, in that HSM alone",
      (command) => command.options({ ...options, mode }),
      (given) => handlers.hsmInit(installation(given), given.mode, given.hsm),
    );
    group.command(
      "probe [uri]",
      "Show what an HSM can do, and try it: that of an installation, or the token that a PKCS#11 URI names",
      (command) =>
        command.positional("uri", flag("uri", "pkcs11:…?module-path=…", "a PKCS#11 URI", pkcs11)).options(token),
      (given) =>
        handlers.hsmProbe(given.uri === undefined ? installation(given) : tokenOf(given.uri, given), given.hsm),
    );
    custody(group, handlers);
    return group.demandCommand(1, "hsm needs one of its commands");
  });

const pkcs11 = (value: string): string | undefined => (value.startsWith("pkcs11:") ? value : undefined);

function tokenOf(
  uri: string,
  { pin, ...of }: { [name in "pin" | "home" | "config" | "hsm"]?: string | undefined },
): Token {
  if (of.home ?? of.config ?? of.hsm) throw new ConfigError("a URI goes with none of --home, --config and --hsm");
  return pin === undefined ? { uri } : { uri, pin };
}
