import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { type Installation, newInstallation } from "../contract/installation.ts";
import type { Service } from "../contract/service.ts";
import { isAlive, pinOf, pkcs11Tool, type SoftToken, softHsm2Util, withFaults } from "../hsm/pkcs11/tokens.ts";
import { auditFaults, ciphertextFaults, Ledger, stateFaults } from "./ledger.ts";
import { type Load, startLoad, until } from "./load.ts";
import { workersOf } from "./start.ts";

const clients = 32;
/** Of a call: twice the default one, because a machine that takes time away must not make a call fail. Milliseconds. */
const deadline = 10_000;

/** One service, its token behind a module with faults, and clients that never pause. No fault may fail a request. */
describe(`${clients} clients of a service whose HSM`, () => {
  const ledger = new Ledger();
  const figures: string[] = [];
  let installation: Installation;
  let token: SoftToken;
  let service: Service;
  let kms: KMS;
  let load: Load;
  let KeyId: string;

  beforeAll(async () => {
    installation = await newInstallation();
    const folder = join(installation.home, "token");
    token = withFaults({ ...(await provisionSoftHsm2(folder, "kms")), folder, workers: 2, deadline });
    const clock = { LD_PRELOAD: compiledClock(folder), FAULT_CLOCK: join(folder, "clock") };
    shiftClock(0);
    installation.configure({ main: { ...token, environment: { ...token.environment, ...clock } } });
    await installation.run("hsm", "init");
    const administrator = await installation.newAdministrator();
    Object.assign(process.env, clock);
    ({ service, kms } = await installation.serve(administrator));
    for (const name of Object.keys(clock)) delete process.env[name];
    KeyId = (await kms.createKey()).KeyMetadata?.KeyId as string;
    load = startLoad(kms, ledger, clients);
    await until(() => workers().length === 2, "both workers serve");
  }, 120_000);
  afterAll(async () => {
    console.log(["Served again after the fault, or after the HSM's return:", ...figures].join("\n  "));
    await service.stop();
    installation.remove();
  });

  const file = (name: string): string => join(token.folder, name);
  const shiftClock = (seconds: number): void => {
    const octets = Buffer.alloc(8);
    octets.writeBigInt64LE(BigInt(seconds));
    // Never cut short: it is mapped.
    const clock = openSync(file("clock"), constants.O_CREAT | constants.O_WRONLY);
    writeSync(clock, octets, 0, octets.length, 0);
    closeSync(clock);
  };
  const workers = (): readonly number[] => workersOf(service);
  const kill = (pids = workers()): void => {
    for (const pid of pids) process.kill(pid, "SIGKILL");
  };
  /** The other one serves: they are started one after the other. */
  const killYoungest = (): void => kill(workers().slice(-1));
  const encrypts = (): Promise<boolean> =>
    kms.encrypt({ KeyId, Plaintext: Uint8Array.of(1) }).then(
      () => true,
      () => false,
    );

  /** `strike` resolves when the fault has come, or is over. */
  const outlives = (name: string, strike: () => unknown): void =>
    it(name, async () => {
      await load.progress(clients);
      const before = load.errors.length;
      await strike();
      const start = performance.now();
      await until(encrypts, "it serves");
      figures.push(`${Math.round(performance.now() - start)} ms  ${name}`);
      await until(() => workers().filter(isAlive).length === 2, "as many workers serve as before");
      await load.progress(clients);
      expect([...load.errors.slice(before), ...load.unanswered, ...load.wrong].map(String)).toEqual([]);
    });

  /** Of the module, in one worker, which ends. */
  const meets = (fault: string) => async (): Promise<void> => {
    const before = workers();
    writeFileSync(file(fault), "");
    await until(() => before.some((pid) => !isAlive(pid)), "a worker ends");
  };

  outlives("loses a worker", killYoungest);
  outlives("loses all workers", () => kill());
  outlives("has a worker that hangs", async () => {
    const [hung] = workers() as [number];
    process.kill(hung, "SIGSTOP");
    await until(() => !isAlive(hung), "it is replaced");
  });
  outlives("has its sessions closed", meets("sessions-closed"));
  outlives("is logged out", meets("logged-out"));
  outlives("is finalized by a neighbour in its process", meets("finalized"));
  outlives("has lost a key by its handle", meets("key-gone"));
  // A worker that was opening a ciphertext asks again, and lives.
  outlives("is removed for one call", async () => {
    writeFileSync(file("device-removed"), "");
    await until(() => !existsSync(file("device-removed")), "a worker meets it");
  });
  outlives("crashes in its module", meets("crash"));

  outlives("gives no more sessions for a while", async () => {
    writeFileSync(file("session-limit"), "");
    killYoungest();
    await load.progress(clients);
    rmSync(file("session-limit"));
  });

  outlives("is away for a second and a half", async () => {
    renameSync(file("tokens"), file("tokens-away"));
    kill();
    await sleep(1_500);
    renameSync(file("tokens-away"), file("tokens"));
  });

  outlives("has another firmware after a restart", () => {
    writeFileSync(file("other-firmware"), "");
    kill();
  });

  outlives("is full for a while", async () => {
    writeFileSync(file("token-full"), "");
    await load.progress(3 * clients);
    rmSync(file("token-full"));
  });

  outlives("has another slot, and a neighbour with its label", () => {
    for (const label of ["other", "kms"]) {
      softHsm2Util(token, "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "87654321");
    }
    kill();
  });

  // Both ways, and within the five minutes of a signature.
  outlives("has a clock that jumps", async () => {
    for (const seconds of [120, -120, 0]) {
      shiftClock(seconds);
      killYoungest();
      await load.progress(clients);
    }
  });

  outlives("has another PIN, which it is given later", async () => {
    const [old, fresh] = [pinOf(token), "another-pin-0123456789"];
    const serial = /serial=(\w+)/.exec(token.uri)?.[1] as string;
    // By its serial number: another token has its label by now.
    const slot = slotOf(token, serial);
    pkcs11Tool(token, "--slot", slot, "--login", "--pin", old, "--change-pin", "--new-pin", fresh);
    killYoungest();
    await until(
      () => readdirSync(token.folder).some((name) => name.startsWith("pin-refused-")),
      "the old PIN is tried",
    );
    await load.progress(clients);
    writeFileSync(file("pin"), fresh);
    utimesSync(file("pin"), new Date(), new Date(Date.now() + 1000));
  });

  it("is initialised anew are refused as long as that lasts, and served when it is restored from its backup", async () => {
    await load.stop();
    cpSync(file("tokens"), file("backup"), { recursive: true });
    const serial = /serial=(\w+)/.exec(token.uri)?.[1] as string;
    const pins = ["--pin", pinOf(token), "--so-pin", readFileSync(file("so-pin"), "utf8")];
    softHsm2Util(token, "--init-token", "--serial", serial, "--label", "kms", ...pins, "--force");
    kill();
    const refused = await kms.encrypt({ KeyId, Plaintext: Uint8Array.of(1) }).catch((error: Error) => error.name);
    expect(refused).toBe("DependencyTimeoutException");
    expect((await fetch(`${service.admin}/readyz`)).status).toBe(503);
    renameSync(file("tokens"), file("tokens-anew"));
    renameSync(file("backup"), file("tokens"));
    const start = performance.now();
    await until(encrypts, "it serves");
    figures.push(`${Math.round(performance.now() - start)} ms  is initialised anew, and restored`);
  });

  it("has met all that have lost nothing", async () => {
    expect(await stateFaults(kms, ledger)).toEqual([]);
    expect(await ciphertextFaults(kms, ledger)).toEqual([]);
    expect(auditFaults(installation.home, ledger)).toEqual([]);
  }, 120_000);
});

function compiledClock(folder: string): string {
  const library = join(folder, "clock.so");
  execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(import.meta.dirname, "clock.c"), "-ldl"]);
  return library;
}

/** As OpenSC counts: the one whose token has this serial number. */
function slotOf(token: SoftToken, serial: string): string {
  const slots = pkcs11Tool(token, "--list-slots").split(/^(?=Slot )/m);
  return /\((0x[0-9a-f]+)\)/.exec(slots.find((slot) => slot.includes(serial)) ?? "")?.[1] as string;
}
