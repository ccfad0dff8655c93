import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { developmentFiles, ensureHome } from "../../src/development.ts";
import { softHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { auditFaults, ciphertextFaults, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";
import { refusedStart, workersOf } from "./start.ts";

describe("a service whose HSM is a PKCS#11 token", () => {
  const home = temporaryHome();
  const ledger = new Ledger();
  let service: Service;

  beforeAll(async () => {
    const files = developmentFiles(home);
    const made = await ensureHome(files, { account: "111122223333", hsm: "softhsm2" });
    // Of a call: more than the default one, because a machine that takes time away must not make a call fail.
    writeFileSync(files.home, JSON.stringify({ ...made, hsm: { ...made.hsm, deadline: 20_000 } }));
    service = await startService(home, "softhsm2");
  });
  afterAll(() => removeHome(home));

  const ready = async (): Promise<{ status: number; checks: Record<string, string> }> => {
    const response = await fetch(`${service.admin}/readyz`);
    return { status: response.status, ...((await response.json()) as { checks: Record<string, string> }) };
  };

  it("outlives its worker, again and again, under load, and no request fails", async () => {
    const load = startLoad(service.client(), ledger, 16);
    for (let kills = 0; kills < 3; kills++) {
      await load.progress(60);
      await until(() => workersOf(service).length > 0, "there is a worker");
      for (const worker of workersOf(service)) process.kill(worker, "SIGKILL");
    }
    await load.progress(60);
    await load.stop();
    expect(load.errors).toEqual([]);
    expect(await stateFaults(service.client(), ledger)).toEqual([]);
    expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
    expect(auditFaults(home, ledger)).toEqual([]);
  }, 120_000);

  it("says so while its token is away, serves what needs no HSM, and recovers by itself", async () => {
    const kms = service.client();
    const KeyId = (await kms.createKey()).KeyMetadata?.KeyId;
    const tokens = join(home, "hsm/tokens");
    renameSync(tokens, `${tokens}-away`);
    // Session objects outlive their token in SoftHSM, so its absence shows where the domain key is needed.
    const refused = await refusal(() => kms.createKey());
    expect(refused).toBe("DependencyTimeoutException");
    await until(async () => (await ready()).status === 503, "readyz tells");
    expect((await ready()).checks["hsm"]).not.toBe("ok");
    expect((await ready()).checks["store"]).toBe("ok");
    await expect(kms.encrypt({ KeyId, Plaintext: Uint8Array.of(1) })).rejects.toMatchObject({
      name: "DependencyTimeoutException",
    });
    expect((await fetch(`${service.admin}/healthz`)).status).toBe(200);
    expect((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState).toBe("Enabled");
    await kms.updateKeyDescription({ KeyId, Description: "without its HSM" });

    renameSync(`${tokens}-away`, tokens);
    await until(async () => (await ready()).status === 200, "readyz tells");
    await kms.encrypt({ KeyId, Plaintext: Uint8Array.of(1) });
    expect(await ciphertextFaults(kms, ledger)).toEqual([]);
  }, 120_000);

  it("leaves no worker behind when it is killed", async () => {
    const workers = workersOf(service);
    expect(workers).not.toEqual([]);
    await service.kill("SIGKILL");
    await until(() => !workers.some((worker) => existsSync(`/proc/${worker}`)), "the workers end");
    service = await startService(home, "softhsm2");
    expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
  }, 60_000);

  it("tries a wrong PIN once, and not again before somebody has changed it", async () => {
    expect(await service.stop()).toBe(0);
    const file = join(home, "hsm/pin");
    const right = readFileSync(file, "utf8");
    writeFileSync(file, "0".repeat(40));
    expect(refusedStart(home, "softhsm2").log).toMatch(/the token refuses the PIN/);
    expect(tokenFlags(home)).toMatch(/user PIN count low/);
    tokenTool(home, "--login", "--pin", right, "--list-objects");
    expect(tokenFlags(home)).not.toMatch(/user PIN count low/);
    const again = refusedStart(home, "softhsm2");
    expect([again.status, again.log]).toEqual([2, expect.stringMatching(/it is not tried again until that changes/)]);
    expect(again.log).not.toContain("0000");
    expect(tokenFlags(home)).not.toMatch(/user PIN count low/);
    writeFileSync(file, right);
    service = await startService(home, "softhsm2");
    expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
    expect(await service.stop()).toBe(0);
  }, 360_000);

  it("names a module that is not there", () => {
    const file = join(home, "home.json");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace(/module-path=[^"]*/, `module-path=${encodeURIComponent("/usr/lib/none.so")}`));
    const { status, log } = refusedStart(home, "softhsm2");
    expect([status, log]).toEqual([2, expect.stringContaining("there is no PKCS#11 module at /usr/lib/none.so")]);
    writeFileSync(file, before);
  }, 60_000);
});

/** OpenSC's, at the token of `home`. */
const tokenTool = (home: string, ...command: readonly string[]): string =>
  execFileSync("pkcs11-tool", ["--module", softHsm2(), "--token-label", "strongroom", ...command], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", SOFTHSM2_CONF: join(home, "hsm/softhsm2.conf") },
    stdio: ["ignore", "pipe", "ignore"],
  });

const tokenFlags = (home: string): string => /token flags *: (.*)/.exec(tokenTool(home, "--list-slots"))?.[1] as string;

/** The name of the error that comes in the end. */
async function refusal(request: () => Promise<unknown>): Promise<string> {
  let name = "";
  await until(async () => {
    name = await request().then(
      () => "",
      (error: Error) => error.name,
    );
    return name !== "";
  }, "it is refused");
  return name;
}
