import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import type { HsmTestOptions } from "../../bench/hsm-test.ts";
import { type DomainKeyMode, domainKeyModes } from "../../hsm/config.ts";
import type { OfficerPins } from "../../hsm/officers.ts";
import {
  flag,
  flags,
  type Installation,
  installation,
  installationFlags,
  matching,
  nonEmpty,
  parseFingerprint,
} from "../flags.ts";
import { officerPinFlags, officerPinsOf } from "../officer-pins.ts";
import { promptPin } from "../pin-prompt.ts";
import { type CustodyHandlers, custody } from "./custody.ts";
import { initArgsFlag } from "./dev.ts";

/** A token that belongs to no installation yet. */
export interface Token {
  readonly uri: string;
  /** A reference. Without a PIN, nothing is tried. */
  readonly pin?: string;
  readonly initArgs?: string;
}

export interface HsmHandlers extends CustodyHandlers {
  hsmList(of: Installation, json: boolean): Promise<void>;
  /** Without fingerprints, they are shown. */
  hsmPair(of: Installation, replica: string, fingerprints: readonly string[], officerPins: OfficerPins): Promise<void>;
  /** Without a name, the primary. */
  hsmTrust(of: Installation, officerPins: OfficerPins, publicKeys: boolean, name?: string): Promise<void>;
  /** Without a name, all HSMs, and the store. */
  hsmInit(of: Installation, mode: DomainKeyMode, name?: string): Promise<void>;
  /** Without a name, the primary: here and below. */
  hsmProbe(of: Installation | Token, json: boolean, name?: string): Promise<void>;
  hsmTest(of: Installation | Token, options: HsmTestOptions, name?: string): Promise<void>;
  hsmStatus(of: Installation, name?: string): Promise<void>;
  hsmRotateDomainKey(of: Installation, officerPins: OfficerPins, name?: string): Promise<void>;
}

const mode = {
  choices: domainKeyModes,
  default: "plain",
  requiresArg: true,
  description:
    "Who can take keys out of a PKCS#11 token: plain: who has PIN and store; locked: nobody; trusted: they leave under keys that its security officer trusts",
} as const;

const options = {
  ...installationFlags,
  hsm: flag("hsm", "One of several HSMs, by its name in the configuration [default: the primary]", "a name", nonEmpty),
} as const;

const json = { type: "boolean", default: false, description: "Print JSON" } as const;

const publicKeys = {
  type: "boolean",
  default: false,
  description: "The officer makes the keys himself, as public objects, where he cannot trust those of the user",
} as const;

const pairing = {
  ...installationFlags,
  "so-pin": officerPinFlags,
  hsm: { ...flag("hsm", "The replica, by its name in the configuration", "a name", nonEmpty), demandOption: true },
  fingerprint: flags(
    "fingerprint",
    "Of a transport key, as it was read where the key is: to be given for both. Without them, they are shown",
    "64 hexadecimal digits",
    parseFingerprint,
  ),
} as const;

const uri = flag("uri", "pkcs11:…?module-path=…", "a PKCS#11 URI", (value) =>
  value.startsWith("pkcs11:") ? value : undefined,
);

const token = {
  ...options,
  pin: flag(
    "pin",
    "The PIN of the token that the URI names: file:PATH, env:NAME, or prompt",
    "file:<path>, env:<name> or prompt",
    matching(/^(file:.|env:[A-Za-z_]\w*$|prompt$)/s),
  ),
  "init-args": initArgsFlag,
} as const;

const test = {
  ...token,
  seconds: { ...flag("seconds", "For the measurements", "a number from 1 to 600", secondsOf), default: "5" },
  json,
} as const;

export const hsm = (cli: Argv, handlers: HsmHandlers): Argv =>
  cli.command("hsm", "The HSM and its domain keys", (group) => {
    group.command(
      "status",
      "Show the HSM and its domain keys",
      (command) => command.options(options),
      (given) => handlers.hsmStatus(installation(given), given.hsm),
    );
    group.command(
      "rotate-domain-key",
      "Make a new domain key, and wrap every key under it",
      (command) => command.options({ ...options, "so-pin": officerPinFlags }),
      async (given) =>
        handlers.hsmRotateDomainKey(installation(given), await officerPinsOf(given["so-pin"]), given.hsm),
    );
    group.command(
      "trust",
      "For an HSM of mode trusted: have its security officer trust the domain key, and take it into use",
      (command) => command.options({ ...options, "so-pin": officerPinFlags, "public-keys": publicKeys }),
      async (given) =>
        handlers.hsmTrust(installation(given), await officerPinsOf(given["so-pin"]), given["public-keys"], given.hsm),
    );
    group.command(
      "list",
      "Show every HSM of the configuration, how it is, and those that hold keys and are missing from it",
      (command) => command.options({ ...installationFlags, json }),
      (given) => handlers.hsmList(installation(given), given.json),
    );
    group.command(
      "pair",
      "Let keys go from a replica to its HSM and back, after their transport keys have been compared",
      (command) => command.options(pairing),
      async (given) =>
        handlers.hsmPair(installation(given), given.hsm, given.fingerprint ?? [], await officerPinsOf(given["so-pin"])),
    );
    group.command(
      "init",
      "Make the first domain key in empty HSMs, and an empty store; with --hsm, in that HSM alone",
      (command) => command.options({ ...options, mode }),
      (given) => handlers.hsmInit(installation(given), given.mode, given.hsm),
    );
    group.command(
      "probe [uri]",
      "Show what an HSM can do, and try it anew: that of an installation, or the token that a PKCS#11 URI names",
      (command) => command.positional("uri", uri).options({ ...token, json }),
      (given) => placeOf(given).then((of) => handlers.hsmProbe(of, given.json, given.hsm)),
    );
    group.command(
      "test [uri]",
      "Try anew all that an HSM must do before it is trusted with keys, measure it, and leave it as it was",
      (command) => command.positional("uri", uri).options(test),
      (given) => placeOf(given).then((of) => handlers.hsmTest(of, given, given.hsm)),
    );
    custody(group, handlers);
    return group.demandCommand(1, "hsm needs one of its commands");
  });

interface Place {
  readonly uri?: string | undefined;
  readonly pin?: string | undefined;
  readonly "init-args"?: string | undefined;
  readonly home?: string | undefined;
  readonly config?: string | undefined;
  readonly hsm?: string | undefined;
}

async function placeOf({ uri, pin, "init-args": initArgs, ...of }: Place): Promise<Installation | Token> {
  if (of.hsm?.startsWith("pkcs11:")) throw new ConfigError("a URI stands by itself here, without --hsm before it");
  if (uri === undefined) {
    const given = pin === undefined ? initArgs && "init-args" : "pin";
    if (given !== undefined) throw new ConfigError(`--${given} goes with the PKCS#11 URI of a token`);
    return installation(of);
  }
  if (of.home ?? of.config ?? of.hsm) throw new ConfigError("a URI goes with none of --home, --config and --hsm");
  return {
    uri,
    ...(pin !== undefined && { pin: pin === "prompt" ? await promptPin() : pin }),
    ...(initArgs !== undefined && { initArgs }),
  };
}

function secondsOf(value: string): number | undefined {
  const seconds = Number(value);
  return /^\d+(\.\d+)?$/.test(value) && seconds >= 1 && seconds <= 600 ? seconds : undefined;
}
