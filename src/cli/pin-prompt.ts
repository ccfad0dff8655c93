import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { ConfigError } from "../base/errors.ts";

let asked = 0;

/**
 * Asks the terminal for a PIN, which it does not show, and answers the reference to it: a variable of this process alone,
 * which leaves its environment when it is read. ConfigError where there is no terminal.
 */
export async function promptPin(whose = "PIN"): Promise<string> {
  if (!process.stdin.isTTY) throw new ConfigError("a PIN is asked for at a terminal only");
  const variable = `STRONGROOM_PROMPTED_PIN_${++asked}`;
  process.stderr.write(`${whose}: `);
  const hidden = new Writable({ write: (_, __, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: hidden, terminal: true, historySize: 0 });
  try {
    process.env[variable] = await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
  return `env:${variable}`;
}
