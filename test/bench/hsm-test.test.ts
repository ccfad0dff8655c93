import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { type HsmTestReport, runHsmTest } from "../../src/bench/hsm-test.ts";
import { driver } from "../../src/hsm/pkcs11/driver.ts";
import { softHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { workersOf } from "../faults/start.ts";
import { encrypt, newKey, openSoft, pinOf, type SoftToken, softTokens, until } from "../hsm/pkcs11/tokens.ts";

const token = softTokens();
const quick = { seconds: 0.3, json: true };

test("a new token is tried, measured, and as empty afterwards", async () => {
  const config = await token();
  const { hsm, claims, throughput } = JSON.parse(await printed(() => runHsmTest(config, quick))) as HsmTestReport;
  expect(hsm.model).toBe("SoftHSM v2");
  expect(claims.length).toBeGreaterThan(25);
  expect(claims.filter(({ outcome }) => outcome === "fails")).toEqual([]);
  expect(claims.at(-1)).toMatchObject({ part: "the token", outcome: "holds" });
  expect(new Set(throughput.map(({ workers, inFlight }) => `${workers}/${inFlight}`))).toEqual(
    new Set(["1/1", "1/16", "2/16"]),
  );
  for (const { operationsPerSecond } of throughput) expect(operationsPerSecond).toBeGreaterThan(0);
  expect(objectFiles(config)).toEqual([]);
  await driver.init(config);
});

test("a token in use keeps what it has; what comes meanwhile fails the last claim, and is not taken for its own", async () => {
  const config = await token();
  await driver.init(config);
  const hsm = await openSoft(config);
  const key = await newKey(hsm);
  const before = objectFiles(config);
  const tested = printed(() =>
    expect(runHsmTest(config, { ...quick, json: false })).rejects.toThrow(/^1 of \d+ claims do not hold$/),
  );
  // A failure is told where it is awaited.
  tested.catch(() => undefined);
  // Beside the worker above: that of the first look at the token, and one that is started after it.
  await until(() => workersOf({ process }).length > 2);
  const [file, tool] = [join(config.folder, "data"), ["--login", "--pin", pinOf(config), "--type", "data"]];
  writeFileSync(file, "x");
  const write = ["--module", softHsm2(), "--token-label", "kms", ...tool, "--label", "theirs", "--write-object", file];
  execFileSync("pkcs11-tool", write, { env: { ...process.env, ...config.environment }, stdio: "ignore" });
  const page = await tested;
  expect(page).toContain("✓ refuse more than 4,096 bytes");
  expect(page).toMatch(/✗ has the objects that it had\n +new: \d+ theirs /);
  expect(page).toMatch(/\d+ claims hold, 1 do not/);
  expect(objectFiles(config)).toEqual(expect.arrayContaining(before));
  expect(objectFiles(config)).toHaveLength(before.length + 1);
  expect(await encrypt(hsm, key)).toHaveLength(87);
  await hsm.close();
});

test("a wrong PIN is tried once", async () => {
  const config = await token();
  writeFileSync(join(config.folder, "typo"), "wrong-pin", { mode: 0o600 });
  const mistaken = { ...config, pin: `file:${join(config.folder, "typo")}` };
  await expect(runHsmTest(mistaken, quick)).rejects.toThrow(ConfigError);
  await expect(runHsmTest(mistaken, quick)).rejects.toThrow(/not tried again/);
});

test("a signal stops it, and the token is empty all the same", async () => {
  const config = await token();
  const stopped = expect(runHsmTest(config, { seconds: 600, json: true })).rejects.toThrow("interrupted");
  stopped.catch(() => undefined);
  await until(() => objectFiles(config).length > 0);
  process.emit("SIGTERM");
  await stopped;
  expect(objectFiles(config)).toEqual([]);
});

const objectFiles = ({ folder }: SoftToken): string[] =>
  readdirSync(join(folder, "tokens"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".object") && !name.endsWith("token.object"))
    .sort();

async function printed(work: () => Promise<void>): Promise<string> {
  const log = vi.spyOn(console, "log").mockReturnValue();
  try {
    await work();
    return log.mock.calls.flat().join("\n");
  } finally {
    log.mockRestore();
  }
}
