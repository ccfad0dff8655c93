import { administration, serve } from "./administration.ts";
import { runCli } from "./cli/index.ts";
import { hardenProcess } from "./cli/process-hardening.ts";
import { runDevelopment } from "./development.ts";

const handlers = {
  ...administration,
  dev: runDevelopment,
  serve: ({ config }: { config: string }) => serve(config),
};
process.exitCode = await runCli(process.argv.slice(2), handlers, hardenProcess);
