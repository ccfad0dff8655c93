import type { Argv } from "yargs";
import type { ServerBenchOptions } from "../../bench/server.ts";
import { flag, flags, nonEmpty } from "../flags.ts";

export interface BenchHandlers {
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
  json: flag("json", "Write the figures to this file, too", "a path", nonEmpty),
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
      .demandCommand(1, "name a command: server"),
  );
