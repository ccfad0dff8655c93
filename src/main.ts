#!/usr/bin/env -S node --disable-sigusr1 --disallow-code-generation-from-strings
import { administration, serve } from "./administration.ts";
import { runCli } from "./cli/index.ts";
import { hardenProcess } from "./cli/process-hardening.ts";
import { runDevelopment } from "./development.ts";

const handlers = {
  ...administration,
  dev: runDevelopment,
  serve: ({ config }: { config: string }) => serve(config),
};

// Whoever read our output may stop reading: that ends no service.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
const status = await runCli(process.argv.slice(2), handlers, hardenProcess);
// What a failed start has left open must not keep the process; all of it may be killed at any time.
if (status !== 0) process.exit(status);
