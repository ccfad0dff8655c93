import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { HsmError } from "../../../src/base/errors.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { WorkerPool } from "../../../src/hsm/pkcs11/worker-pool.ts";
import { domainKeyOf, expectHsmError } from "../../conformance/hsm-fixture.ts";
import { encrypt, isAlive, newKey, openSoft, type SoftToken, softTokens, startLoad, until } from "./tokens.ts";

const token = softTokens();

describe("several workers", () => {
  let config: SoftToken;
  beforeAll(async () => {
    config = { ...(await token()), workers: 2 };
    await driver.init(config);
  });
  const openAll = async (options: Partial<SoftToken> = {}) => {
    const hsm = await openSoft({ ...config, ...options });
    await until(() => hsm.workerPids.length === (options.workers ?? 2));
    return hsm;
  };

  it("share the calls of one HSM", async () => {
    const hsm = await openAll();
    const before = hsm.workerPids.map(cpuTime);
    const load = startLoad(hsm, await newKey(hsm), 32);
    await until(() => hsm.workerPids.every((pid, i) => cpuTime(pid) >= (before[i] as number) + 10));
    expect(await load.stop()).toEqual([]);
    await hsm.close();
  });

  it("that are killed under load, one after the other, fail no call", async () => {
    const hsm = await openAll();
    const load = startLoad(hsm, await newKey(hsm), 32);
    const killed: number[] = [];
    for (let i = 0; i < 6; i++) {
      const [pid] = hsm.workerPids.filter((pid) => !killed.includes(pid));
      process.kill(pid as number, "SIGKILL");
      killed.push(pid as number);
      await load.progress(100);
      await until(() => hsm.workerPids.some((pid) => !killed.includes(pid)));
    }
    expect(await load.stop()).toEqual([]);
    await until(() => hsm.workerPids.length === 2);
    expect(killed.filter(isAlive)).toEqual([]);
    await hsm.close();
  });

  it("that are killed all at once under load fail no call", async () => {
    const hsm = await openAll();
    const load = startLoad(hsm, await newKey(hsm), 32);
    for (let i = 0; i < 2; i++) {
      for (const pid of hsm.workerPids) process.kill(pid, "SIGKILL");
      await load.progress(100);
    }
    expect(await load.stop()).toEqual([]);
    await hsm.close();
  });

  it("take over the calls of one that hangs, within their deadline", async () => {
    const hsm = await openAll({ deadline: 6_000 });
    const load = startLoad(hsm, await newKey(hsm), 32);
    const [hung] = hsm.workerPids as [number];
    process.kill(hung, "SIGSTOP");
    await until(() => !isAlive(hung));
    await load.progress(100);
    expect(await load.stop()).toEqual([]);
    await hsm.close();
  });

  it("are replaced by age, number of calls and memory, and no call fails", async () => {
    for (const life of [{ workerCalls: 500 }, { workerHours: 0.5 / 3600 }, { workerMemory: 1 }]) {
      const hsm = await openAll(life);
      const first = hsm.workerPids;
      const load = startLoad(hsm, await newKey(hsm), 32);
      await until(() => !first.some(isAlive));
      await load.progress(100);
      expect(await load.stop()).toEqual([]);
      await hsm.close();
    }
  });

  it("all refuse a domain key when the HSM has been told that it is quarantined", async () => {
    const hsm = await openAll({ workers: 3 });
    const admin = await driver.openAdmin(config);
    const key = await newKey(hsm);
    await Promise.all(Array.from({ length: 60 }, () => encrypt(hsm, key)));
    const [pid] = hsm.workerPids as [number];
    const next = await admin.addDomainKey();
    await admin.activateDomainKey(next);
    await admin.quarantineDomainKey(domainKeyOf(key));
    process.kill(pid, "SIGKILL");
    await hsm.reload();
    await Promise.all(Array.from({ length: 60 }, () => expectHsmError("refused", encrypt(hsm, key))));
    await admin.close();
    await hsm.close();
  });

  it("try a wrong PIN once", async () => {
    const file = join(config.folder, "typo");
    writeFileSync(file, "wrong-pin", { mode: 0o600 });
    await expect(openSoft({ ...config, workers: 4, pin: `file:${file}` })).rejects.toThrow(/CKR_PIN_INCORRECT/);
    await expect(openSoft({ ...config, workers: 4, pin: `file:${file}` })).rejects.toThrow(/not tried again/);
  });

  it("refuse what is more than they may have in flight, at once", async () => {
    const hsm = await openAll({ inFlight: 10 });
    const key = await newKey(hsm);
    const outcomes = await Promise.allSettled(Array.from({ length: 25 }, () => encrypt(hsm, key)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as HsmError);
    expect(refused).toHaveLength(15);
    for (const error of refused)
      expect(error).toMatchObject({ kind: "unavailable", message: expect.stringMatching(/busy: 10/) });
    await encrypt(hsm, key);
    await hsm.close();
  });
});

describe("a pool", () => {
  it("closes while a worker is starting, and leaves none", async () => {
    const config = await token();
    await driver.init(config);
    const pool = await WorkerPool.open("hsm", config);
    const [pid] = pool.pids as [number];
    process.kill(pid, "SIGKILL");
    await until(() => pool.down !== undefined);
    const waits = pool.call("random", 32);
    const closed = pool.close();
    await expectHsmError("unavailable", waits);
    await closed;
    await expectHsmError("unavailable", pool.call("random", 32));
    expect([isAlive(pid), pool.pids]).toEqual([false, []]);
  });

  it("does not repeat a call of administration", async () => {
    const config = await token();
    await driver.init(config);
    const pool = await WorkerPool.open("admin", config);
    const added = pool.call("addDomainKey");
    process.kill(pool.pids[0] as number, "SIGKILL");
    await expectHsmError("unavailable", added);
    await pool.close();
  });
});

/** User and system time of a process, in ticks of 10 ms. */
function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") as string[];
  return Number(fields[11]) + Number(fields[12]);
}
