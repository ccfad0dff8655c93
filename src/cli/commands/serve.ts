import type { Argv } from "yargs";
import { flag, nonEmpty } from "../flags.ts";

export interface ServeOptions {
  /** The file for `readConfig`. */
  readonly config: string;
}

export const serve = (cli: Argv, run: (options: ServeOptions) => Promise<void>): Argv =>
  cli.command(
    "serve",
    "Run a server",
    (command) =>
      command.options({
        config: { ...flag("config", "The configuration file", "a path", nonEmpty), demandOption: true },
      }),
    ({ config }) => run({ config }),
  );
