import { expect, test, vi } from "vitest";
import { type Handlers, runCli } from "../../src/cli/index.ts";

test("benches run with nothing said", async () => {
  expect(await ran("engines")).toEqual(["benchEngines", { rounds: 15, seconds: 60 }]);
  expect(await ran("hsm")).toEqual(["benchHsm", { rounds: 15, seconds: 60 }, undefined]);
  expect(await ran("leak")).toEqual(["benchLeak", { samples: 100_000 }]);
});

test("benches take everything that can be said", async () => {
  const plotted = ["--rounds", "3", "--seconds", "1.5", "--json", "j", "--html", "h"];
  const options = { rounds: 3, seconds: 1.5, json: "j", html: "h" };
  const uri = "pkcs11:token=a?module-path=/m.so";
  expect(await ran("engines", ...plotted)).toEqual(["benchEngines", options]);
  expect(await ran("hsm", uri, "--pin", "env:PIN", ...plotted)).toEqual(["benchHsm", options, { uri, pin: "env:PIN" }]);
  expect((await ran("hsm", uri))[2]).toEqual({ uri });
  expect(await ran("hsm", uri, "--sessions", "4", "--init-args", "configdir=x")).toEqual([
    "benchHsm",
    { rounds: 15, seconds: 60, sessions: 4 },
    { uri, initArgs: "configdir=x" },
  ]);
  expect((await ran("hsm", "softhsm2"))[2]).toBe("softhsm2");
  expect(await ran("leak", "--samples", "5000", "--json", "j")).toEqual(["benchLeak", { samples: 5000, json: "j" }]);
});

test.each([
  ["no bench", [], "name a command"],
  ["no rounds", ["engines", "--rounds", "0"], "--rounds is not a number from 1 to 100"],
  ["an endless run", ["engines", "--seconds", "1e9"], "--seconds is not"],
  ["an unknown HSM", ["hsm", "tpm"], "--token is not a PKCS#11 URI or softhsm2"],
  ["a PIN in the clear", ["hsm", "pkcs11:token=a", "--pin", "hunter2"], "--pin is not"],
  ["a PIN for nothing", ["hsm", "--pin", "env:PIN"], "--pin goes with"],
  ["a PIN for a new token", ["hsm", "softhsm2", "--pin", "env:PIN"], "--pin goes with"],
  ["parameters for a new token", ["hsm", "softhsm2", "--init-args", "a"], "--init-args goes with"],
  ["too few samples", ["leak", "--samples", "10"], "--samples is not"],
])("%s is refused with status 2", async (_, argv, message) => {
  const { status, errors, calls } = await run(argv);
  expect([status, calls]).toEqual([2, []]);
  expect(errors).toContain(message);
  expect(errors).not.toContain("hunter2");
});

async function ran(...argv: string[]): Promise<unknown[]> {
  const { status, errors, calls } = await run(argv);
  expect([status, errors, calls.length]).toEqual([0, "", 1]);
  return calls[0] as unknown[];
}

async function run(argv: readonly string[]) {
  const calls: unknown[][] = [];
  const handler =
    (name: string | symbol) =>
    async (...given: unknown[]) =>
      void calls.push([name, ...given]);
  const error = vi.spyOn(console, "error").mockReturnValue();
  try {
    const status = await runCli(["bench", ...argv], new Proxy({} as Handlers, { get: (_, name) => handler(name) }));
    return { status, calls, errors: error.mock.calls.flat().join("\n") };
  } finally {
    error.mockRestore();
  }
}
