import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../contract/service.ts";
import { pinOf, type SoftToken, softTokens, withFaults } from "../hsm/pkcs11/tokens.ts";

const fresh = softTokens();
const strongroom = join(checkout, "scripts/strongroom");

describe("--pin prompt", () => {
  let token: SoftToken;
  let environment: NodeJS.ProcessEnv;
  const command = () => ["hsm", "probe", token.uri, "--json", "--pin", "prompt"];
  const logins = () => readFileSync(join(token.folder, "logins"), "utf8").length;

  beforeAll(async () => {
    token = withFaults(await fresh());
    environment = { PATH: process.env["PATH"], HOME: token.folder, ...token.environment };
  });

  /** Types `typed` at the prompt, on a terminal of its own, and tells what that has shown, and what /proc has. */
  async function typing(typed: string) {
    writeFileSync(join(token.folder, "logins"), "");
    const quoted = [strongroom, ...command()].map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["-qec", quoted, "/dev/null"], { env: { ...environment, SHELL: "/bin/sh" } });
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (!shown.includes("PIN: ") && `${shown}${text}`.includes("PIN: ")) child.stdin.write(typed);
      shown += text;
    });
    const exit = once(child, "exit");
    const told = new Set<string>();
    const watch = setInterval(() => tellAll(child, told), 5);
    const [status] = await exit;
    clearInterval(watch);
    return { status, shown, told: [...told] };
  }

  it("takes what is typed, shows it to nobody, and has it in no argument and no environment", async () => {
    const pin = pinOf(token);
    const { status, shown, told } = await typing(`${pin}\r`);
    expect([status, logins()]).toEqual([0, 1]);
    expect(shown).toMatch(/^PIN: \r\n\{/);
    expect(shown).toContain('"domainKeyModes"');
    expect(told.some((text) => text.includes("worker.ts"))).toBe(true);
    expect([shown, ...told].filter((text) => text.includes(pin))).toEqual([]);
  });

  it("tries a wrong one once", async () => {
    const { status, shown } = await typing("0123456789\r");
    expect([status, logins()]).toEqual([2, 1]);
    expect(shown).toContain("refuses the PIN");
    expect(shown).not.toContain("0123456789");
  });

  it.each([
    ["nothing", "\r"],
    ["the end of the input", "\u0004"],
    ["an interrupt", "\u0003"],
  ])("tries no PIN after %s", async (_, typed) => {
    const { status, shown } = await typing(typed);
    expect([status, logins()]).toEqual([2, 0]);
    expect(shown).toMatch(/no PIN/);
  });

  it("needs a terminal", () => {
    const { status, stderr } = spawnSync(strongroom, command(), {
      env: environment,
      encoding: "utf8",
      input: "1234\n",
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining("at a terminal only")]);
  });
});

/** Arguments and environments of a process and its descendants, as others of the user can read them. */
function tellAll({ pid }: Pick<ChildProcess, "pid">, told: Set<string>): void {
  try {
    for (const file of ["cmdline", "environ"]) told.add(readFileSync(`/proc/${pid}/${file}`, "utf8"));
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
      for (const child of children.split(" ").filter(Boolean)) tellAll({ pid: Number(child) }, told);
    }
  } catch {
    // It has ended.
  }
}
