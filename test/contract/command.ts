import { format } from "node:util";
import { administration } from "../../src/administration.ts";
import { runCli } from "../../src/cli/index.ts";

const elsewhere = () => Promise.reject(new Error("a service is started by `launch`"));

/**
 * A command of an operator, run in this process: what it prints, from its JSON where it is such. Throws what it tells on
 * standard error when it fails. One at a time.
 */
// biome-ignore lint/suspicious/noExplicitAny: a test reads what its command prints
export async function strongroom(...args: readonly string[]): Promise<any> {
  const [printed, told]: [string[], string[]] = [[], []];
  const { log, error } = console;
  console.log = (...values) => printed.push(format(...values));
  console.error = (...values) => told.push(format(...values));
  try {
    const status = await runCli(args, { ...administration, dev: elsewhere, serve: elsewhere });
    if (status !== 0) throw new Error(told.join("\n"));
  } finally {
    Object.assign(console, { log, error });
  }
  const text = printed.join("\n");
  return /^[{[]/.test(text) ? JSON.parse(text) : text;
}
