import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { newInstallation } from "../contract/installation.ts";
import { auditFaults, ciphertextFaults, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";
import { workersOf } from "./start.ts";

/** `scripts/soak` gives a time of its own. */
const seconds = Number(process.env["STRONGROOM_SOAK_SECONDS"] ?? 6);
const interval = 3;
const clients = 32;
/** How many ciphertexts are opened once more at the end. */
const mostOpened = Math.min(10_000, 100 * seconds);

const installation = await newInstallation();
afterAll(() => installation.remove());

it(
  `serves ${clients} clients for ${seconds} s while a worker of its HSM is killed every ${interval} s`,
  async () => {
    const hsm = { ...(await provisionSoftHsm2(join(installation.home, "token"), "soak")), workers: 2 };
    installation.configure({ main: hsm });
    await installation.run("hsm", "init");
    const { service, kms } = await installation.serve(await installation.newAdministrator());
    const ledger = new Ledger();
    const load = startLoad(kms, ledger, clients);
    const start = performance.now();
    let kills = 0;
    for (let left = seconds; left > 0; left -= interval) {
      await sleep(1000 * Math.min(interval, left));
      await until(() => workersOf(service).length > 0, "there is a worker");
      const workers = workersOf(service);
      process.kill(workers[kills % workers.length] as number, "SIGKILL");
      kills += 1;
    }
    await load.stop();
    const elapsed = (performance.now() - start) / 1000;

    const made = ledger.ciphertexts.length;
    const step = Math.max(1, Math.ceil(made / mostOpened));
    const sample = ledger.ciphertexts.filter((_, i) => i % step === 0);
    ledger.ciphertexts.splice(0, made, ...sample);
    const lost = [...(await stateFaults(kms, ledger)), ...(await ciphertextFaults(kms, ledger))];
    const untold = auditFaults(installation.home, ledger);
    const summary = {
      seconds: Math.round(elapsed),
      kills,
      requests: ledger.requests.size,
      perSecond: Math.round(ledger.requests.size / elapsed),
      keys: ledger.keys.size,
      ciphertexts: `${made}, of which ${sample.length} were opened once more`,
      wrongAnswers: load.wrong.length,
      lost: lost.length,
      untold: untold.length,
      failed: load.errors.length,
      unanswered: load.unanswered.length,
    };
    console.log(JSON.stringify(summary, undefined, 2));
    expect([load.wrong, lost, untold, load.errors, load.unanswered]).toEqual([[], [], [], [], []]);
    expect(ledger.requests.size).toBeGreaterThan(seconds);
    expect(await service.stop()).toBe(0);
  },
  (seconds + 600) * 1000,
);
