import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import type { Options } from "yargs";
import { ConfigError } from "../base/errors.ts";
import { type Address, parseAddress } from "./address.ts";
import { isAccount, isRegion } from "./defaults.ts";
import { defaultHome } from "./home.ts";

/** An option with one value that `parse` understands. Messages name the flag and never repeat the value. */
export function flag<T>(name: string, description: string, what: string, parse: (value: string) => T | undefined) {
  return {
    type: "string",
    requiresArg: true,
    description,
    coerce: (given: string | string[] | undefined): T => {
      // yargs asks for defaults and absent options, too.
      if (given === undefined) return undefined as T;
      if (typeof given !== "string") throw new ConfigError(`--${name} is given more than once`);
      return parse(given) ?? refuse(name, what);
    },
  } as const satisfies Options;
}

/** An option that may come more than once. */
export function flags<T>(name: string, description: string, what: string, parse: (value: string) => T | undefined) {
  return {
    type: "string",
    array: true,
    nargs: 1,
    requiresArg: true,
    description,
    coerce: (given: string[] | undefined): T[] => [
      ...new Set(given?.map((value) => parse(value) ?? refuse(name, what))),
    ],
  } as const satisfies Options;
}

function refuse(name: string, what: string): never {
  throw new ConfigError(`--${name} is not ${what}`);
}

export const nonEmpty = (value: string): string | undefined => value || undefined;
export const matching =
  (pattern: RegExp) =>
  (value: string): string | undefined =>
    pattern.test(value) ? value : undefined;

/** SHA-256, as 64 lower-case digits; given in either case, with or without colons, as OpenSSL writes it. */
export const parseFingerprint = (value: string): string | undefined =>
  /^[0-9a-f]{2}(:?[0-9a-f]{2}){31}$/i.test(value) ? value.replaceAll(":", "").toLowerCase() : undefined;

/** A file that the command writes at its end: that it cannot must show at once. */
export const outFlag = (name: string, description: string) =>
  flag(name, description, "a path in a folder that can be written", (value) => {
    try {
      accessSync(dirname(value), constants.W_OK);
      return value || undefined;
    } catch {
      return undefined;
    }
  });

export const addressFlag = (name: string, description: string) =>
  flag<Address>(name, description, "HOST:PORT", parseAddress);
export const accountFlag = (description: string) =>
  flag("account", description, "an account of 12 digits", (value) => (isAccount(value) ? value : undefined));
export const regionFlags = (description: string) =>
  flags("region", description, "an AWS Region name", (value) => (isRegion(value) ? value : undefined));
/** `file:<path>` or `env:<name>`. */
export const referenceFlag = (name: string, description: string) =>
  flag(name, description, "file:<path> or env:<name>", matching(/^(file:.|env:[A-Za-z_]\w*$)/s));

/** What an offline command works on: the home of a `dev` service, or what the configuration of a `serve` says. */
export type Installation = { readonly home: string } | { readonly config: string };

export const installationFlags = {
  home: flag("home", "The home of a dev service [default: ~/.strongroom]", "a path", nonEmpty),
  config: { ...flag("config", "The configuration file of a server", "a path", nonEmpty), conflicts: "home" },
} as const;

export const installation = (given: { home?: string | undefined; config?: string | undefined }): Installation =>
  given.config === undefined ? { home: given.home ?? defaultHome() } : { config: given.config };
