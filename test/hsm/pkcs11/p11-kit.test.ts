import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type HsmTestReport, runHsmTest } from "../../../src/bench/hsm-test.ts";
import type { Pkcs11Config } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { probe } from "../../../src/hsm/pkcs11/probe.ts";
import { softHsm2 } from "../../../src/hsm/pkcs11/provision.ts";
import { expectHsmError } from "../../conformance/hsm-fixture.ts";
import { softTokens } from "./tokens.ts";

/** Where Debian puts it, on either processor. */
const module = ["x86_64", "aarch64"]
  .map((processor) => `/usr/lib/${processor}-linux-gnu/pkcs11/p11-kit-client.so`)
  .find((path) => existsSync(path));

/**
 * SoftHSM2 in a process of its own, behind p11-kit's client: a module that gives each caller a state of its own, and that
 * forwards neither AES nor key wrapping.
 */
const token = softTokens();
let config: Pkcs11Config;
let stop: () => Promise<unknown>;

beforeAll(async () => {
  if (!module) throw new Error("p11-kit is not installed: apt-get install p11-kit p11-kit-modules");
  const { folder, environment, pin } = await token();
  const socket = join(folder, "p11.sock");
  const args = ["server", "--foreground", "-n", socket, "--provider", softHsm2(), "pkcs11:token=kms"];
  const server = spawn("p11-kit", args, { env: { ...process.env, ...environment }, stdio: "ignore" });
  stop = () => {
    const exit = once(server, "exit");
    server.kill();
    return exit;
  };
  await vi.waitUntil(() => existsSync(socket), { timeout: 10_000 });
  const uri = `pkcs11:token=kms?module-path=${encodeURIComponent(module)}`;
  config = {
    driver: "pkcs11",
    uri,
    pin: pin as string,
    environment: { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` },
  };
});
afterAll(() => stop());

it("a token behind p11-kit wraps no keys, and says how it serves all the same", async () => {
  const { tests, lacks, interfaces } = await probe(config);
  expect(tests.filter(({ ok }) => ok).map(({ name }) => name)).toEqual([
    ...["HMAC-SHA-256", "random generator", "moving keys"],
  ]);
  expect(lacks[0]).toContain("wrapping: resident would keep them in the token");
  expect(interfaces).toBeUndefined();
});

it("a token behind p11-kit holds every claim with resident keys, and has as many sessions as can be shared", async () => {
  const resident = { ...config, wrapping: "resident" } as const;
  const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await runHsmTest(resident, { seconds: 0.3, json: true });
  const { claims } = JSON.parse(`${printed.mock.calls.at(-1)?.[0]}`) as HsmTestReport;
  printed.mockRestore();
  expect(claims.filter(({ outcome }) => outcome === "fails")).toEqual([]);
  expect(claims.filter(({ outcome }) => outcome === "holds").length).toBeGreaterThan(25);
  await driver.init(resident);
  await expect(driver.open({ ...resident, sessions: 4 })).rejects.toThrow(/one state/);
  await expectHsmError("unsupported", driver.init(config, "locked"));
});
