import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { ConfigError } from "../base/errors.ts";

let asked = 0;

/**
 * Asks the terminal for a PIN, which it does not show, and answers the reference to it: a variable of this process alone,
 * which leaves its environment when it is read. ConfigError where there is no terminal, or nothing is typed.
 */
export async function promptPin(whose = "PIN"): Promise<string> {
  if (!process.stdin.isTTY) throw new ConfigError("a PIN is asked for at a terminal only");
  const variable = `STRONGROOM_PROMPTED_PIN_${++asked}`;
  const hidden = new Writable({ write: (_, __, done) => done() });
  // From here on the terminal shows nothing: only then is it asked.
  const terminal = createInterface({ input: process.stdin, output: hidden, terminal: true, historySize: 0 });
  process.stderr.write(`${whose}: `);
  try {
    const ended = once(terminal, "close").then(() => "");
    const pin = await Promise.race([terminal.question("").catch(() => ""), ended]);
    if (pin === "") throw new ConfigError("no PIN is given");
    process.env[variable] = pin;
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
  return `env:${variable}`;
}
