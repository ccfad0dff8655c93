import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import type { EngineBenchOptions } from "../../bench/engines.ts";
import type { HsmBenchOptions } from "../../bench/hsm.ts";
import type { LeakTestOptions } from "../../bench/leak.ts";
import type { ServerBenchOptions } from "../../bench/server.ts";
import { flag, flags, outFlag, referenceFlag } from "../flags.ts";
import { initArgsFlag } from "./dev.ts";
import type { Token } from "./hsm.ts";

export interface BenchHandlers {
  benchEngines(options: EngineBenchOptions): Promise<void>;
  benchHsm(options: Omit<HsmBenchOptions, "hsm">, token?: Token | "softhsm2"): Promise<void>;
  benchLeak(options: LeakTestOptions): Promise<void>;
  benchServer(options: ServerBenchOptions): Promise<void>;
}

const number =
  (least: number, most: number) =>
  (value: string): number | undefined => {
    const number = Number(value);
    return /^\d+(\.\d+)?$/.test(value) && number >= least && number <= most ? number : undefined;
  };

const integer = (least: number, most: number) => {
  const inRange = number(least, most);
  return (value: string): number | undefined => (/^\d+$/.test(value) ? inRange(value) : undefined);
};

const serverOptions = {
  hsm: flags("hsm", "A further HSM to run the service on: softhsm2", "softhsm2", (value) =>
    value === "softhsm2" ? value : undefined,
  ),
  rounds: { ...flag("rounds", "How often each is measured", "a number from 1 to 100", integer(1, 100)), default: "9" },
  seconds: {
    ...flag("seconds", "How long a measurement takes", "a number of seconds from 0.1 to 60", number(0.1, 60)),
    default: "2",
  },
  "warm-up": {
    ...flag("warm-up", "Requests before the first round, each", "a number from 1 to 1000000", integer(1, 1_000_000)),
    default: "20000",
  },
  json: outFlag("json", "Write the figures to this file, too"),
} as const;

const plotted = {
  rounds: { ...flag("rounds", "How often each is measured", "a number from 1 to 100", integer(1, 100)), default: "15" },
  seconds: {
    ...flag("seconds", "How long the whole takes, about", "a number of seconds from 1 to 3600", number(1, 3600)),
    default: "60",
  },
  json: serverOptions.json,
  html: outFlag("html", "Write a page of plots to this file, too"),
} as const;

const token = {
  ...plotted,
  workers: flags(
    "workers",
    "Processes that share the calls of the token; may come more than once [default: 1]",
    "a number from 1 to 64",
    integer(1, 64),
  ),
  sessions: flag(
    "sessions",
    "Operations that each of them has in the token at once [default: 16 where it is far away, else 1]",
    "a number from 1 to 64",
    integer(1, 64),
  ),
  boundary: {
    choices: ["call-key", "token"] as const,
    requiresArg: true,
    description: "Where the key of each call of the token is [default: call-key, in the worker]",
  },
  calls: flag(
    "calls",
    "After the rounds, so many calls more, to see whether memory grows by them (a million takes minutes)",
    "a number from 1000 to 1000000000",
    integer(1000, 1_000_000_000),
  ),
  "init-args": initArgsFlag,
  pin: referenceFlag("pin", "The PIN of the token that the URI names: file:PATH or env:NAME"),
} as const;

const leakOptions = {
  samples: {
    ...flag("samples", "Measurements of each path", "a number from 1000 to 10000000", integer(1000, 10_000_000)),
    default: "100000",
  },
  json: serverOptions.json,
} as const;

export const bench = (cli: Argv, handlers: BenchHandlers): Argv =>
  cli.command("bench", "How fast it is, beside its peers", (group) =>
    group
      .command(
        "server",
        "CPU and rate of requests over TLS, against a node:https handler that does nothing",
        (command) => command.options(serverOptions),
        (given) =>
          handlers.benchServer({
            hsms: given.hsm ?? [],
            rounds: given.rounds,
            seconds: given.seconds,
            warmUp: given["warm-up"],
            ...(given.json !== undefined && { json: given.json }),
          }),
      )
      .command(
        "engines",
        "What Encrypt and Decrypt are made of: our engines against node:crypto, WebCrypto and libraries",
        (command) => command.options(plotted),
        (given) => handlers.benchEngines(plotOptions(given)),
      )
      .command(
        "hsm [token]",
        "Operations and latency of the soft HSM, and of a token beside its module's bare functions",
        (command) =>
          command
            .positional(
              "token",
              flag("token", "pkcs11:…?module-path=…, or softhsm2 for a new one", "a PKCS#11 URI or softhsm2", isToken),
            )
            .options(token),
        (given) => handlers.benchHsm(hsmOptions(given), tokenOf(given)),
      )
      .command(
        "leak",
        "Whether the time of the WebAssembly engine depends on secrets (Welch's t-test)",
        (command) => command.options(leakOptions),
        ({ samples, json }) => handlers.benchLeak({ samples, ...(json !== undefined && { json }) }),
      )
      .demandCommand(1, "name a command: server, engines, hsm or leak"),
  );

interface PlotFlags {
  readonly rounds: number;
  readonly seconds: number;
  readonly json?: string | undefined;
  readonly html?: string | undefined;
}

const plotOptions = ({ rounds, seconds, json, html }: PlotFlags): EngineBenchOptions => ({
  rounds,
  seconds,
  ...(json !== undefined && { json }),
  ...(html !== undefined && { html }),
});

const hsmOptions = (
  given: PlotFlags & {
    readonly workers?: readonly number[] | undefined;
    readonly sessions?: number | undefined;
    readonly boundary?: "call-key" | "token" | undefined;
    readonly calls?: number | undefined;
  },
): Omit<HsmBenchOptions, "hsm"> => ({
  ...plotOptions(given),
  ...(given.workers?.length && { workers: given.workers }),
  ...(given.sessions !== undefined && { sessions: given.sessions }),
  ...(given.boundary !== undefined && { boundary: given.boundary }),
  ...(given.calls !== undefined && { calls: given.calls }),
});

const isToken = (value: string): string | undefined =>
  value === "softhsm2" || value.startsWith("pkcs11:") ? value : undefined;

function tokenOf(given: {
  token?: string | undefined;
  pin?: string | undefined;
  "init-args"?: string | undefined;
}): Token | "softhsm2" | undefined {
  const { token, pin, "init-args": initArgs } = given;
  if (token !== undefined && token !== "softhsm2") {
    return { uri: token, ...(pin !== undefined && { pin }), ...(initArgs !== undefined && { initArgs }) };
  }
  for (const [name, value] of Object.entries({ pin, "init-args": initArgs })) {
    if (value !== undefined) throw new ConfigError(`--${name} goes with the PKCS#11 URI of a token`);
  }
  return token;
}
