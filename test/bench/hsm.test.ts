import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { runHsmBench } from "../../src/bench/hsm.ts";
import { mechanisms } from "../../src/bench/hsms/contender.ts";
import { inFlight, oneByOne } from "../../src/bench/hsms/in-flight.ts";
import type { HsmRow } from "../../src/bench/hsms/summary.ts";
import { driver } from "../../src/hsm/pkcs11/driver.ts";
import { newKey, openSoft, type SoftToken, softTokens, until } from "../hsm/pkcs11/tokens.ts";
import { expectSelfContained } from "./markup.ts";

const token = softTokens();
const tiny = { rounds: 2, seconds: 0.2 };
const bareCalls = [
  "C_Sign HMAC",
  "C_GenerateRandom",
  "C_UnwrapKey + C_DestroyObject",
  "C_Sign ECDSA P-256",
  "C_Encrypt AES-GCM",
  "C_Decrypt AES-GCM",
];

test("the HSM bench measures every operation at every depth, and the bare functions, and leaves no files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.stubEnv("TMPDIR", folder);
  const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
  const printed = await quietly(() =>
    runHsmBench({ ...tiny, hsm: "softhsm2", workers: [1, 2], calls: 1000, json, html }),
  );
  vi.unstubAllEnvs();
  // strongroom-code-… is the cache of code of all workers that this process starts, and goes with it.
  const left = readdirSync(folder).filter((name) => !name.startsWith("strongroom-code-"));
  expect(left.sort()).toEqual(["report.html", "report.json"]);

  const { rows } = JSON.parse(readFileSync(json, "utf8")) as { rows: HsmRow[] };
  const ours = Object.keys(mechanisms).flatMap((mechanism) =>
    ["soft HSM", "SoftHSM v2", "SoftHSM v2, 2 workers"].flatMap((contender) =>
      [1, 16, 64].map((depth) => [`hsm-${mechanism}`, contender, depth]),
    ),
  );
  expect(rows.map(({ bench, contender, inFlight }) => [bench, contender, inFlight])).toEqual([
    ...ours,
    ...bareCalls.map((name) => ["hsm-bare", name, 1]),
  ]);
  for (const row of rows) {
    expect(row).toMatchObject({ bytes: 32, rounds: 2 });
    expect(row.operationsPerSecond).toBeGreaterThan(0);
    expect(row.latencyP99Ns).toBeGreaterThanOrEqual(row.latencyP50Ns);
    expect(printed).toContain(row.contender);
  }
  expect(printed).toContain("C_GenerateRandom + C_Encrypt AES-GCM");
  expect(printed).toContain("SoftHSM v2, 2 workers: 2 workers, sessions of each: 1");
  expect(printed).toMatch(/Memory, SoftHSM v2, 2 workers: -?[\d.]+ bytes for each of 1 k encryptions/);
  expectSelfContained(readFileSync(html, "utf8"));
});

test("a token without domain key is as empty afterwards", async () => {
  const config = await visible(token());
  expect(objectFiles(config)).toEqual([]);
  await quietly(() => runHsmBench({ ...tiny, hsm: config }));
  expect(objectFiles(config)).toEqual([]);
  await driver.init(config);
});

test("a token that is in use keeps what it has", async () => {
  const config = await visible(token());
  await driver.init(config);
  const hsm = await openSoft(config);
  onTestFinished(() => hsm.close());
  const key = await newKey(hsm);
  const before = objectFiles(config);
  await quietly(() => runHsmBench({ ...tiny, hsm: config }));
  expect(objectFiles(config)).toEqual(before);
  expect(await hsm.encrypt(key, "SYMMETRIC_DEFAULT", new Uint8Array(1), new Uint8Array(2))).toHaveLength(79);
});

test("a signal stops it, and the token is empty all the same", async () => {
  const config = await visible(token());
  const bench = quietly(() => runHsmBench({ rounds: 9, seconds: 60, hsm: config }));
  const stopped = expect(bench).rejects.toThrow("interrupted");
  // A failure is told where it is awaited.
  stopped.catch(() => undefined);
  await until(() => objectFiles(config).length > 0);
  process.emit("SIGTERM");
  await stopped;
  expect(objectFiles(config)).toEqual([]);
});

test("a token is not tried without a PIN", async () => {
  const { pin: _, ...config } = await visible(token());
  await expect(runHsmBench({ ...tiny, hsm: config })).rejects.toThrow(ConfigError);
});

test("so many operations are in flight as are wanted, and each is timed", async () => {
  let [now, most] = [0, 0];
  const operation = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
  };
  const { operations, latencies, elapsed } = await inFlight(operation, 5, 20);
  expect(most).toBe(5);
  expect(latencies).toHaveLength(operations);
  expect(Math.min(...latencies)).toBeGreaterThan(0);
  expect(elapsed).toBeGreaterThan(0);

  let calls = 0;
  const burst = oneByOne(() => calls++, 0);
  expect([calls, burst.operations, burst.latencies.length]).toEqual([1, 1, 1]);
});

/** A token that modules in this process find, too. */
async function visible(made: Promise<SoftToken>): Promise<SoftToken> {
  const config = await made;
  for (const [name, value] of Object.entries(config.environment ?? {})) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return config;
}

const objectFiles = ({ folder }: SoftToken): string[] =>
  readdirSync(join(folder, "tokens"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".object") && !name.endsWith("token.object"))
    .sort();

async function quietly(work: () => Promise<void>): Promise<string> {
  const log = vi.spyOn(console, "log").mockReturnValue();
  try {
    await work();
    return log.mock.calls.flat().join("\n");
  } finally {
    log.mockRestore();
  }
}
