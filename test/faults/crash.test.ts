import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, describe, expect, it } from "vitest";
import {
  checkout,
  type HsmChoice,
  removeHome,
  type Service,
  startService,
  temporaryHome,
} from "../contract/service.ts";
import { auditFaults, ciphertextFaults, inParallel, Ledger, stateFaults } from "./ledger.ts";
import { LoadClient, until } from "./load.ts";

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

/** At any moment, somewhere between the requests of many clients. */
async function killUnderLoad(service: Service, ledger: Ledger, concurrency: number): Promise<void> {
  const enough = ledger.requests.size + 50 + Math.random() * 100;
  const kms = service.client();
  const load = Promise.all(Array.from({ length: concurrency }, () => new LoadClient(kms, ledger).run(() => false)));
  await until(() => ledger.requests.size >= enough, "requests are answered");
  await service.kill("SIGKILL");
  await load;
}

const enableAll = (kms: KMS, ledger: Ledger): Promise<unknown> =>
  inParallel([...ledger.keys], async ([KeyId, facts]) => {
    if (facts.state === "PendingDeletion") await kms.cancelKeyDeletion({ KeyId });
    if (facts.state !== "Enabled") await kms.enableKey({ KeyId });
    ledger.keys.set(KeyId, { ...facts, state: "Enabled" });
  });
