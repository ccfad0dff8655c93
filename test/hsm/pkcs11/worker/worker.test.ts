import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ekt, openHsm } from "../../../../src/hsm/index.ts";
import { driver, type Pkcs11Hsm } from "../../../../src/hsm/pkcs11/driver.ts";
import { expectHsmError, metaOf } from "../../../conformance/hsm-fixture.ts";
import { encrypt, isAlive, newKey, openSoft, pinOf, type SoftToken, softTokens, until } from "../tokens.ts";

const token = softTokens();
const pidOf = (hsm: Pkcs11Hsm): number => hsm.workerPids[0] as number;
const works = (hsm: Pkcs11Hsm, key: Ekt) => async () =>
  encrypt(hsm, key).then(
    () => true,
    () => false,
  );

describe("a worker", () => {
  let config: SoftToken;
  let hsm: Pkcs11Hsm;
  let key: Ekt;
  beforeAll(async () => {
    config = await token();
    await driver.init(config);
    hsm = await openSoft(config);
    key = await newKey(hsm);
  });
  afterAll(() => hsm.close());

  it("does not show the PIN in its arguments or its environment", () => {
    const [cmdline, environ] = ["cmdline", "environ"].map((file) =>
      readFileSync(`/proc/${pidOf(hsm)}/${file}`, "utf8"),
    ) as [string, string];
    expect(cmdline + environ).not.toContain(pinOf(config));
    const names = environ
      .split("\0")
      .filter(Boolean)
      .map((line) => line.split("=")[0]);
    expect(names.sort()).toEqual(["NODE_COMPILE_CACHE", "PATH", "SOFTHSM2_CONF"]);
    expect(readFileSync(`/proc/${pidOf(hsm)}/coredump_filter`, "utf8").trim()).toMatch(/^0+$/);
  });

  it("runs no compiled code from a folder that is open to others", async () => {
    const [before, folder] = [process.env["TMPDIR"], join(config.folder, "tmp")];
    mkdirSync(join(folder, `strongroom-code-${process.geteuid?.()}`), { recursive: true });
    process.env["TMPDIR"] = folder;
    const careful = await openSoft(config);
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    expect(readFileSync(`/proc/${pidOf(careful)}/environ`, "utf8")).not.toContain("NODE_COMPILE_CACHE");
    await careful.close();
  });

  it("keeps the module out of the server", () => {
    const maps = (pid: number | string) => readFileSync(`/proc/${pid}/maps`, "utf8");
    expect(maps(pidOf(hsm))).toContain("libsofthsm2.so");
    expect(maps("self")).not.toContain("libsofthsm2.so");
  });

  it("that is killed under load is replaced at once, and no call fails", async () => {
    const killed = pidOf(hsm);
    const calls = Array.from({ length: 200 }, () => encrypt(hsm, key));
    setImmediate(() => process.kill(killed, "SIGKILL"));
    await Promise.all(calls);
    expect(pidOf(hsm)).not.toBe(killed);
    expect(isAlive(killed)).toBe(false);
  });

  it("that is killed again and again is replaced again and again", async () => {
    for (let i = 0; i < 4; i++) {
      process.kill(pidOf(hsm), "SIGKILL");
      await until(works(hsm, key));
    }
    expect(await hsm.health()).toMatchObject({ ok: true });
  });

  it("that hangs keeps no call beyond its deadline, and is replaced", async () => {
    const hasty = await openSoft({ ...config, deadline: 200 });
    const hung = pidOf(hasty);
    process.kill(hung, "SIGSTOP");
    const start = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => expectHsmError("unavailable", encrypt(hasty, key))));
    expect(performance.now() - start).toBeGreaterThan(190);
    // The default deadline is five seconds.
    expect(performance.now() - start).toBeLessThan(4_900);
    await until(works(hasty, key));
    expect(isAlive(hung)).toBe(false);
    await hasty.close();
  });

  it("outlives the signals that a terminal sends to the whole process group", async () => {
    const pid = pidOf(hsm);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    await encrypt(hsm, key);
    expect(pidOf(hsm)).toBe(pid);
  });

  it("comes back with its token when that was away", async () => {
    const tokens = join(config.folder, "tokens");
    const hasty = await openSoft({ ...config, deadline: 1_000 });
    renameSync(tokens, `${tokens}-away`);
    await until(async () => !(await hasty.health()).ok);
    await until(async () => !(await works(hasty, key)()));
    await expectHsmError("unavailable", encrypt(hasty, key));
    await expect(driver.open(config)).rejects.toBeInstanceOf(Error);
    renameSync(`${tokens}-away`, tokens);
    await until(works(hasty, key));
    expect(await hasty.health()).toMatchObject({ ok: true });
    await hasty.close();
  });

  it("ends when the HSM is closed", async () => {
    const other = await openSoft(config);
    const pid = pidOf(other);
    await other.close();
    expect(isAlive(pid)).toBe(false);
  });

  it("does not outlive a server that is killed", async () => {
    const script = `
      const { openHsm } = await import(${JSON.stringify(new URL("../../../../src/hsm/index.ts", import.meta.url))});
      const hsm = await openHsm(${JSON.stringify(config)});
      console.log(hsm.workerPids[0]);
    `;
    const server = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface(server.stdout), "line");
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    server.kill("SIGKILL");
    await until(() => !isAlive(pid));
  });
});

it("says in no error what it was given", async () => {
  const config = await token();
  await driver.init(config);
  const hsm = await openHsm(config);
  const key = await newKey(hsm);
  const secret = new Uint8Array(4097).fill(0x53);
  const errors = await Promise.all(
    [
      encrypt(hsm, key, secret),
      hsm.importKey(metaOf("kms-symmetric"), secret.subarray(0, 32)),
      hsm.mac(key, secret),
      hsm.release(key),
      hsm.random(-1),
    ].map((call) => call.then(String, (error: Error) => `${error.message} ${error.stack} ${error.cause}`)),
  );
  for (const text of errors) expect(text).not.toMatch(/SSSSSSSS|5353535353|83,83,83/);
  for (const text of errors) expect(text).not.toContain(pinOf(config));
  await hsm.close();
});
