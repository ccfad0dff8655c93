import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, describe, expect, it } from "vitest";
import type { HsmChoice } from "../contract/hsms.ts";
import { checkout, removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { auditFaults, ciphertextFaults, factsTold, inParallel, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";

const cases: readonly [HsmChoice, number][] = [
  ["soft", 8],
  ["softhsm2", 2],
];

describe.each(cases)("a service over %s that is killed %i times under load", (hsm, kills) => {
  const home = temporaryHome();
  afterAll(() => removeHome(home));

  it("loses nothing that it acknowledged, leaves nothing half made, and tells every change once", async () => {
    const ledger = new Ledger();
    let service = await startService(home, hsm);
    for (let round = 0; round < kills; round++) {
      const [keys, opened] = [new Set(ledger.keys.keys()), ledger.ciphertexts.length];
      await killUnderLoad(service, ledger, 16 + 16 * (round % 2));
      service = await startService(home, hsm);
      expect(await stateFaults(service.client(), ledger, keys)).toEqual([]);
      expect(await ciphertextFaults(service.client(), ledger, opened)).toEqual([]);
      expect(auditFaults(home, ledger)).toEqual([]);
      expect(factsTold(home)).toEqual(ledger.keys);
    }
    await enableAll(service.client(), ledger);
    expect(await stateFaults(service.client(), ledger)).toEqual([]);
    expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
    expect(await service.stop()).toBe(0);
    const chains = execFileSync(join(checkout, "scripts/strongroom"), ["audit", "verify", "--home", home]);
    expect(JSON.parse(chains.toString())).toEqual([expect.objectContaining({ file: "service.jsonl", unfinished: 0 })]);
    expect(ledger.requests.size).toBeGreaterThan(kills * 40);
  }, 240_000);
});

/** What first starts make, in that order. A kill may come after more than one of them. */
const firstStarts: readonly [HsmChoice, readonly string[]][] = [
  ["soft", ["hsm/key", "hsm/state", "home.json", "ca.pem", "audit/service.lock"]],
  ["soft", ["store.db", "dev-token", "aws/credentials"]],
  ["softhsm2", ["hsm/so-pin", "home.json", "store.db"]],
];

it.each(firstStarts)(
  "a first start over %s that is killed at each of %j leaves a home that the next one can finish",
  async (hsm, files) => {
    const home = temporaryHome();
    for (const file of files) await killWhen(home, hsm, () => existsSync(join(home, file)));
    const service = await startService(home, hsm);
    const kms = service.client();
    const { KeyMetadata } = await kms.createKey();
    const { CiphertextBlob } = await kms.encrypt({ KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(1) });
    expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(Uint8Array.of(1));
    expect(await service.stop()).toBe(0);
    removeHome(home);
  },
  120_000,
);

/** Kills a start that has got so far, unless it is done before. */
async function killWhen(home: string, hsm: HsmChoice, reached: () => boolean): Promise<void> {
  if (reached()) return;
  const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const child = spawn(join(checkout, "scripts/strongroom"), ["dev", "--home", home, "--hsm", hsm, ...addresses], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, log] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until(() => reached() || output.includes("ready ") || child.exitCode !== null, "the start gets on");
  child.kill("SIGKILL");
  expect(await ended, log).toBeNull();
}

/** At any moment, somewhere between the requests of many clients. */
async function killUnderLoad(service: Service, ledger: Ledger, concurrency: number): Promise<void> {
  const load = startLoad(service.client(), ledger, concurrency, "unexpected");
  await load.progress(50 + Math.random() * 100);
  await service.kill("SIGKILL");
  await load.stop();
}

const enableAll = (kms: KMS, ledger: Ledger): Promise<unknown> =>
  inParallel([...ledger.keys], async ([KeyId, facts]) => {
    if (facts.state === "PendingDeletion") await kms.cancelKeyDeletion({ KeyId });
    if (facts.state !== "Enabled") await kms.enableKey({ KeyId });
    ledger.keys.set(KeyId, { ...facts, state: "Enabled" });
  });
