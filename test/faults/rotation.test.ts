import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromBase64, fromUtf8, hex } from "../../src/base/bytes.ts";
import { developmentFiles, readDevelopmentHome } from "../../src/development.ts";
import { openEngine } from "../../src/engine/index.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { mainHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { openSealed } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
import type { HsmChoice } from "../contract/hsms.ts";
import { checkout, removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { auditFaults, auditLines, ciphertextFaults, inParallel, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";
import { materialRevisions } from "./start.ts";

const cases: readonly [HsmChoice, number, number][] = [
  ["soft", 120, 2],
  ["softhsm2", 50, 1],
];

describe.each(cases)(
  "a domain key rotation over %s with %i keys, killed %i times with the service",
  (hsm, keys, kills) => {
    const home = temporaryHome();
    afterAll(() => removeHome(home));

    it("leaves every ciphertext open, and is finished by the next service", async () => {
      const ledger = new Ledger();
      let service = await startService(home, hsm);
      await fill(service, ledger, keys);
      // One that has been quicker than the kill is no round.
      for (let rounds = 0; rounds < kills; ) {
        const [before, known] = [rewraps(home), new Set(ledger.keys.keys())];
        const load = startLoad(service.client(), ledger, 4, "unexpected");
        const rotation = rotate(home);
        const some = before + 1 + Math.floor((Math.random() * keys) / 2);
        await until(() => rewraps(home) >= some, "keys are wrapped anew");
        rotation.child.kill("SIGKILL");
        await Promise.all([service.kill("SIGKILL"), rotation.ended, load.stop()]);
        if (rewraps(home) < before + keys) rounds += 1;
        service = await startService(home, hsm);
        expect(await stateFaults(service.client(), ledger, known)).toEqual([]);
        expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
        expect(auditFaults(home, ledger)).toEqual([]);
      }
      expect((await service.dev("/dev/clock", { advanceSeconds: 0 })).status).toBe(200);
      expect(await service.stop()).toBe(0);
      const { active, wrapping } = await domainKeys(home);
      expect(wrapping).toEqual([active]);

      service = await startService(home, hsm);
      expect(await rotate(home).ended).toBe(0);
      expect(await stateFaults(service.client(), ledger)).toEqual([]);
      expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
      expect(await service.stop()).toBe(0);
      const next = await domainKeys(home);
      expect(next.wrapping).toEqual([next.active]);
      expect(next.active).not.toBe(active);
      const told = ["service", "operator"].flatMap((chain) => auditLines(home, chain));
      const activated = told.flatMap(({ eventName, serviceEventDetails }) =>
        eventName === "ActivateDomainKey" ? [serviceEventDetails?.["active"]] : [],
      );
      expect(activated).toEqual(expect.arrayContaining([active, next.active]));
    }, 240_000);
  },
);

async function fill(service: Service, ledger: Ledger, keys: number): Promise<void> {
  const kms = service.client();
  await inParallel(Array.from({ length: keys }), async () => {
    const keyId = (await kms.createKey({ Description: "old" })).KeyMetadata?.KeyId as string;
    const plaintext = Buffer.from(keyId);
    const blob = (await kms.encrypt({ KeyId: keyId, Plaintext: plaintext })).CiphertextBlob as Uint8Array;
    ledger.keys.set(keyId, { description: "old", state: "Enabled", tags: {}, aliases: [] });
    ledger.ciphertexts.push({ keyId, plaintext, blob, context: {} });
  });
}

function rotate(home: string) {
  const command = ["hsm", "rotate-domain-key", "--home", home];
  const child = spawn(join(checkout, "scripts/strongroom"), command, { stdio: "ignore" });
  return { child, ended: new Promise<number | null>((resolve) => child.once("exit", resolve)) };
}

/** How often a key's material has been wrapped anew. */
const rewraps = (home: string): number =>
  materialRevisions(developmentFiles(home).store).reduce((sum, revision) => sum + revision - 1, 0);

/** The active domain key, and those that wrap the material in the store of a service that has stopped. */
async function domainKeys(home: string): Promise<{ active: string | undefined; wrapping: readonly string[] }> {
  const files = developmentFiles(home);
  const { hsm: config } = readDevelopmentHome(files.home);
  const [hsms, admin] = [await HsmSet.open(mainHsm(config)), await openHsmAdmin(config)];
  const store = await openSealed(await openSqlite(files.store), hsms, await openEngine("wasm"));
  const wrapping = (await store.list("hbk/")).map(({ value }) => {
    const { ekt } = JSON.parse(fromUtf8(value)) as { ekt: string };
    return hex(parseEkt(fromBase64(ekt) as Uint8Array).domainKeyId);
  });
  const active = (await admin.domainKeys()).find(({ state }) => state === "active")?.id;
  await store.close();
  await Promise.all([hsms.close(), admin.close()]);
  return { active, wrapping: [...new Set(wrapping)] };
}
