import { readFileSync } from "node:fs";
import { join } from "node:path";
import yargs from "yargs";
import { AuditError, ConfigError, HsmError, KmsError, StoreError } from "../base/errors.ts";
import { type AuditHandlers, audit } from "./commands/audit.ts";
import { type BenchHandlers, bench } from "./commands/bench.ts";
import { type ClockHandlers, clock } from "./commands/clock.ts";
import { type DevOptions, dev } from "./commands/dev.ts";
import { type HsmHandlers, hsm } from "./commands/hsm.ts";
import { type IamHandlers, iam } from "./commands/iam.ts";
import { type ServeOptions, serve } from "./commands/serve.ts";
import { type StoreHandlers, store } from "./commands/store.ts";

/** What the commands do: main.ts. */
export interface Handlers extends AuditHandlers, BenchHandlers, ClockHandlers, HsmHandlers, IamHandlers, StoreHandlers {
  dev(options: DevOptions): Promise<void>;
  serve(options: ServeOptions): Promise<void>;
}

/**
 * Runs the command that `argv` names and resolves to the exit status when it is done: 0; 2 for what the user must
 * change (flags, files, environment); 1 for any other failure. Problems are told on standard error.
 */
export async function runCli(
  argv: readonly string[],
  handlers: Handlers,
  prepare: () => void = () => undefined,
): Promise<number> {
  try {
    prepare();
    await parser(argv, handlers).parseAsync();
    return 0;
  } catch (problem) {
    // A shell that completes a line would show it in the middle of that.
    if (argv[0] !== "--get-yargs-completions") console.error(`strongroom: ${describe(problem)}`);
    return isForTheUser(problem) ? 2 : 1;
  }
}

function parser(argv: readonly string[], handlers: Handlers) {
  const cli = yargs(argv)
    .scriptName("strongroom")
    .locale("en")
    .usage("$0 <command>\n\nA key management service with the AWS KMS API")
    .parserConfiguration({ "boolean-negation": false, "dot-notation": false, "parse-numbers": false })
    .version(version())
    .completion("completion", "Print a completion script for bash or zsh")
    .strict()
    .demandCommand(1, "a command is missing")
    .wrap(null)
    .exitProcess(false)
    .fail((message, problem) => {
      // A YError is yargs' own, or wraps what a flag's parser threw.
      if (problem && problem.name !== "YError") throw problem;
      throw new ConfigError(`${(problem?.message ?? message).replace(/\s+/g, " ")}; see --help`);
    });
  dev(cli, (options) => handlers.dev(options));
  serve(cli, (options) => handlers.serve(options));
  hsm(cli, handlers);
  iam(cli, handlers);
  audit(cli, handlers);
  clock(cli, handlers);
  bench(cli, handlers);
  store(cli, handlers);
  return cli;
}

/** Also what the API would tell a client to change: a user that is not there, a policy that is malformed. */
const isForTheUser = (problem: unknown): boolean =>
  problem instanceof ConfigError ||
  (problem instanceof KmsError && !["KMSInternalException", "DependencyTimeoutException"].includes(problem.code));

const version = (): string => JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")).version;

/**
 * Failures that have names explain themselves, with the code of a system call (ENOENT) that was the cause; a stack is
 * for what nobody expected.
 */
function describe(problem: unknown): string {
  const named = [ConfigError, HsmError, StoreError, AuditError, KmsError].some((kind) => problem instanceof kind);
  if (!(problem instanceof Error)) return String(problem);
  if (!named) return problem.stack ?? problem.message;
  const { code, syscall } = (problem.cause ?? {}) as NodeJS.ErrnoException;
  return syscall === undefined ? problem.message : `${problem.message} (${code})`;
}
