import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
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

const cases: readonly [HsmChoice, number, number][] = [
  ["soft", 200, 2],
  ["softhsm2", 60, 1],
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
      for (let round = 0; round < kills; round++) {
        const [before, known] = [rewraps(home), new Set(ledger.keys.keys())];
        const load = startLoad(service.client(), ledger, 4, "unexpected");
        const rotation = rotate(home);
        const some = before + 1 + Math.floor((Math.random() * keys) / 2);
        await until(() => rewraps(home) >= some, "keys are wrapped anew");
        const killed = [service.kill("SIGKILL"), ended(rotation)];
        rotation.kill("SIGKILL");
        await Promise.all([...killed, load.stop()]);
        expect(rewraps(home)).toBeLessThan(before + keys);
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
      expect(await ended(rotate(home))).toBe(0);
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

const rotate = (home: string): ChildProcess =>
  spawn(join(checkout, "scripts/strongroom"), ["hsm", "rotate-domain-key", "--home", home], { stdio: "ignore" });

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once("exit", resolve));

/** How often a key's material has been wrapped anew: revisions are not sealed. */
function rewraps(home: string): number {
  const database = new DatabaseSync(developmentFiles(home).store, { readOnly: true, timeout: 5000 });
  try {
    const sum = database.prepare("SELECT sum(revision - 1) AS n FROM record WHERE path LIKE 'hbk/%'").get();
    return sum?.["n"] as number;
  } finally {
    database.close();
  }
}

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
