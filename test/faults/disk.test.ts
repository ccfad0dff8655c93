import { execFileSync, spawn, spawnSync } from "node:child_process";
import { renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkout, removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { auditFaults, ciphertextFaults, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";
import { digests } from "./start.ts";

const names = (errors: readonly Error[]): readonly string[] => [...new Set(errors.map(({ name }) => name))].sort();

async function readiness(service: Service): Promise<{ status: number; checks: Readonly<Record<string, string>> }> {
  const response = await fetch(`${service.admin}/readyz`);
  return { status: response.status, ...((await response.json()) as { checks: Record<string, string> }) };
}

async function expectNothingLost(service: Service, ledger: Ledger): Promise<void> {
  expect(await stateFaults(service.client(), ledger)).toEqual([]);
  expect(await ciphertextFaults(service.client(), ledger)).toEqual([]);
  expect(auditFaults(service.home, ledger)).toEqual([]);
}

/** Until `stop`, the named system calls of the service on `file` fail. */
async function failing(
  service: Service,
  calls: string,
  file: string,
  error: string,
): Promise<{ stop(): Promise<void> }> {
  const inject = ["-P", file, "-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}`];
  const strace = spawn("strace", ["-f", "-o", "/dev/null", ...inject, "-p", `${service.process.pid}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  strace.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = new Promise<void>((resolve) => strace.once("exit", () => resolve()));
  await until(() => log.includes("attached"), "strace attaches");
  return {
    stop: () => {
      strace.kill("SIGINT");
      return ended;
    },
  };
}

describe("a service whose disk is full", () => {
  const home = temporaryHome();

  afterAll(() => {
    execFileSync("umount", ["--lazy", home]);
    removeHome(home);
  });

  it("answers nothing but errors, says so, loses nothing, and goes on when there is room", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=100m,mode=0700", "tmpfs", home]);
    const service = await startService(home);
    const ledger = new Ledger();
    const clients = startLoad(service.client(), ledger, 16);
    await clients.progress(200);
    const filler = join(home, "filler");
    expect(fill(filler)).toBe("ENOSPC");
    await until(() => clients.errors.length > 100, "requests are refused");
    expect(names(clients.errors)).toBeOneOf([
      ["KMSInternalException"],
      ["DependencyTimeoutException", "KMSInternalException"],
    ]);
    const full = await readiness(service);
    expect([full.status, full.checks["audit"]]).toEqual([
      503,
      expect.stringMatching(/are free for the audit log|full/),
    ]);
    expect((await fetch(`${service.admin}/healthz`)).status).toBe(200);
    await expect(service.client().listKeys()).rejects.toMatchObject({ name: "KMSInternalException" });

    unlinkSync(filler);
    await clients.progress(100);
    await clients.stop();
    await until(async () => (await readiness(service)).status === 200, "readyz tells");
    await expectNothingLost(service, ledger);
    expect(await service.stop()).toBe(0);
    const again = await startService(home);
    await expectNothingLost(again, ledger);
    expect(await again.stop()).toBe(0);
  }, 120_000);
});

/** Takes all the space there is, at once; answers why it stopped. */
function fill(path: string): string | undefined {
  try {
    for (let block = 0; ; block++) writeFileSync(path, new Uint8Array(1 << (block < 100 ? 20 : 12)), { flag: "a" });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

describe("a service", () => {
  let home: string;
  let service: Service;
  let ledger: Ledger;

  beforeEach(async () => {
    home = temporaryHome();
    service = await startService(home);
    ledger = new Ledger();
  }, 60_000);
  afterEach(async () => {
    await service.kill("SIGKILL");
    removeHome(home);
  });

  it("whose store cannot be written refuses changes, and lets keys be used", async () => {
    const clients = startLoad(service.client(), ledger, 16);
    await clients.progress(50);
    const { KeyMetadata } = await service.client().createKey();
    const fault = await failing(service, "pwrite64", join(home, "store.db-wal"), "EROFS");
    await until(() => clients.errors.length > 20, "changes are refused");
    expect(names(clients.errors)).toEqual(["DependencyTimeoutException"]);
    await service.client().encrypt({ KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(1) });
    const { status, checks } = await readiness(service);
    expect([status, checks["audit"], checks["hsm"]]).toEqual([503, "ok", "ok"]);
    expect(checks["store"]).toMatch(/store\.db: write/);
    await clients.stop();
    await fault.stop();
    await service.kill("SIGKILL");
    service = await startService(home);
    await expectNothingLost(service, ledger);
  }, 120_000);

  it("ends when its audit log cannot be written, and answers nothing that is not in it", async () => {
    const clients = startLoad(service.client(), ledger, 16, "unknown");
    await clients.progress(50);
    const ended = new Promise<number | null>((resolve) => service.process.once("exit", resolve));
    const fault = await failing(service, "fdatasync", join(home, "audit/service.jsonl"), "EIO");
    expect(await ended).toBe(1);
    await Promise.all([fault.stop(), clients.stop()]);
    expect(service.log()).toMatch(/the audit log has failed: EIO/);
    service = await startService(home);
    await expectNothingLost(service, ledger);
  }, 120_000);

  it("whose audit log is taken away answers nobody, says so, and goes on when it is back", async () => {
    const kms = service.client();
    const file = join(home, "audit/service.jsonl");
    const { KeyMetadata } = await kms.createKey();
    const use = { KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(1) };
    renameSync(file, `${file}.1`);
    await until(async () => (await readiness(service)).status === 503, "readyz tells");
    expect((await readiness(service)).checks["audit"]).toMatch(/the audit log is not at .*service\.jsonl any more/);
    for (const request of [() => kms.encrypt(use), () => kms.createKey(), () => kms.listKeys()]) {
      await expect(request()).rejects.toMatchObject({ name: "KMSInternalException" });
    }
    writeFileSync(file, "");
    await expect(kms.encrypt(use)).rejects.toMatchObject({ name: "KMSInternalException" });
    rmSync(file);
    renameSync(`${file}.1`, file);
    await until(async () => (await readiness(service)).status === 200, "readyz tells");
    await kms.encrypt(use);
    expect(await service.stop()).toBe(0);
    expect(verifies(home)).toBe(true);
  }, 60_000);

  it("does not start on a store that it can only read, and leaves it as it is", async () => {
    await service.client().createKey();
    expect(await service.stop()).toBe(0);
    const before = digests(home);
    for (const only of [home, join(home, "store.db")]) {
      const { status, stderr } = startOnReadOnly(home, only);
      expect(status).toBeOneOf([1, 2]);
      expect(stderr).toMatch(/^strongroom: .*(EROFS|readonly database)/m);
      expect(stderr).not.toMatch(/^ +at /m);
      expect(digests(home)["store.db"]).toBe(before["store.db"]);
    }
    service = await startService(home);
    expect((await service.client().listKeys()).Keys).toHaveLength(1);
  }, 120_000);
});

const verifies = (home: string): boolean =>
  spawnSync(join(checkout, "scripts/strongroom"), ["audit", "verify", "--home", home]).status === 0;

/** In a mount namespace of its own, where `only` cannot be written. */
function startOnReadOnly(home: string, only: string) {
  const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" dev --home "$3" \
    --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0`;
  const command = ["-m", "sh", "-c", script, "sh", only, join(checkout, "scripts/strongroom"), home];
  return spawnSync("unshare", command, { encoding: "utf8", timeout: 40_000, killSignal: "SIGKILL" });
}
