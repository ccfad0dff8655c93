import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, expect, it } from "vitest";
import type { HsmConfig } from "../../src/hsm/index.ts";
import { nssTokens } from "../hsm/pkcs11/nss.ts";
import { softTokens } from "../hsm/pkcs11/tokens.ts";
import { makeEvidence } from "./evidence.ts";
import { newInstallation, softHsm } from "./installation.ts";
import { checkout } from "./service.ts";

const nss = nssTokens();
const softHsm2 = softTokens();
const installation = await newInstallation();
afterAll(() => installation.remove());

/** Clients that encrypt and decrypt until they are stopped, which no migration may disturb. */
function load(kms: KMS, clients = 2) {
  let [stopped, count] = [false, 0];
  const failures: unknown[] = [];
  const client = async (): Promise<void> => {
    while (!stopped) {
      try {
        const Plaintext = Buffer.from(`load ${count++}`);
        const { CiphertextBlob } = await kms.encrypt({ KeyId: "alias/kept", Plaintext });
        const back = await kms.decrypt({ CiphertextBlob });
        if (!Plaintext.equals(back.Plaintext as Uint8Array)) throw new Error("another plaintext came back");
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const running = Array.from({ length: clients }, client);
  return async (): Promise<number> => {
    stopped = true;
    await Promise.all(running);
    expect(failures).toEqual([]);
    return count;
  };
}

/** The command, killed when it has moved some keys: at the fifth sync of the store's log. */
async function killedMigration(args: readonly string[]): Promise<void> {
  const log = join(installation.home, "store.db-wal");
  const kill = ["-e", "trace=fsync", "-e", "inject=fsync:signal=SIGKILL:when=5", "-P", log];
  const command = ["hsm", "migrate", ...args, "--config", installation.config];
  const strace = ["-f", "-qq", "-o", "/dev/null", ...kill, join(checkout, "scripts/strongroom"), ...command];
  const child = spawn("strace", strace, { stdio: "ignore" });
  const [, signal] = await once(child, "exit");
  expect(signal).toBe("SIGKILL");
}

it("keys move from HSM to HSM under clients' load, and each HSM can be unplugged when they have left it", async () => {
  const { run, home } = installation;
  const stations: readonly (readonly [string, HsmConfig])[] = [
    ["first", softHsm("first")],
    ["softhsm", await softHsm2()],
    ["nss", await nss()],
    ["last", softHsm("last")],
  ];
  installation.configure(Object.fromEntries([stations[0] as (typeof stations)[number]]));
  await run("hsm", "init");
  const credentials = await installation.newAdministrator();
  let { service, kms } = await installation.serve(credentials);
  const verify = await makeEvidence(kms, 20);
  const hbks = 27;

  for (const [i, [to, target]] of stations.slice(1).entries()) {
    const [from, source] = stations[i] as (typeof stations)[number];
    await service.stop();
    // What the hop before has left is unplugged by the same restart.
    if (i > 0) rmSync(join(home, stations[i - 1]?.[0] as string), { recursive: true, force: true });
    installation.configure({ [to]: target, [from]: source });
    await run("hsm", "init", "--hsm", to);
    ({ service, kms } = await installation.serve(credentials));
    await verify(kms);
    const stopLoad = load(kms);
    const { fingerprint } = await run("hsm", "transport-key", "--hsm", to);
    const args = ["--from", from, "--to", to, "--fingerprint", fingerprint];
    if (i === 0) await killedMigration(args);
    expect((await run("hsm", "migrate", ...args, "--dry-run")).cannotMove).toEqual([]);
    const { moved, left } = await run("hsm", "migrate", ...args);
    expect(left).toEqual([]);
    if (i === 0) expect(moved).toBeLessThan(hbks);
    else expect(moved).toBe(hbks);
    await verify(kms);
    expect(await stopLoad()).toBeGreaterThan(10);
  }
  await service.stop();
  installation.configure(Object.fromEntries([stations[3] as (typeof stations)[number]]));
  ({ service, kms } = await installation.serve(credentials));
  await verify(kms);
  await service.stop();
  await run("audit", "verify");
}, 240_000);
