import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import type { Hsm, SoftConfig } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import { expectHsmError } from "../../conformance/hsm-fixture.ts";

const script = join(import.meta.dirname, "writer.ts");
let directory: string;
let config: SoftConfig;
let hsm: Hsm;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
  config = { driver: "soft", directory, keyFile: join(directory, "key"), engine: "node" };
  await driver.init(config);
  hsm = await driver.open(config);
  await hsm.writeAnchor(utf8("before"));
});
afterEach(async () => {
  await hsm.close();
  rmSync(directory, { recursive: true });
});

/** A writer that waits for `go`; `wrapper` is what runs node. */
async function writer(what: "anchors" | "domain-keys", count: number, wrapper: readonly string[] = []) {
  const [command = "", ...args] = [...wrapper, process.execPath, script, directory, what, `${count}`];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  expect(output).toBe("ready\n");
  return { child, go: () => child.stdin.write("\n"), said: () => output.slice("ready\n".length).trim() };
}

const ended = async ({ child }: { child: ChildProcess }) =>
  child.exitCode ?? child.signalCode ?? (await once(child, "exit"));

describe("writers in several processes", () => {
  it("lose no change of each other", async () => {
    const writers = [await writer("domain-keys", 10), await writer("domain-keys", 10), await writer("anchors", 30)];
    const all = Promise.all(writers.map(ended));
    for (const { go } of writers) go();
    await all;
    expect(writers.map(({ said }) => said())).toEqual(["done", "done", "done"]);
    const admin = await driver.openAdmin(config);
    const states = (await admin.domainKeys()).map(({ state }) => state);
    expect(states.toSorted()).toEqual(["active", ...Array(20).fill("readable")]);
    expect(await hsm.readAnchor()).toEqual(new Uint8Array(1024).fill(30));
    await admin.close();
  });

  it("wait for the lock, but not for ever", async () => {
    const lock = new DatabaseSync(join(directory, "lock"));
    lock.exec("BEGIN IMMEDIATE");
    await expectHsmError("unavailable", hsm.writeAnchor(utf8("after")));
    expect(await hsm.readAnchor()).toEqual(utf8("before"));
    lock.close();
    await hsm.writeAnchor(utf8("after"));
  });

  it("that are killed while they write leave a whole state, and no lock", async () => {
    for (let round = 0; round < 4; round++) {
      const victim = await writer("anchors", 1_000_000);
      victim.go();
      await expect.poll(() => hsm.readAnchor()).toHaveLength(1024);
      await new Promise((resolve) => setTimeout(resolve, 7 * round));
      victim.child.kill("SIGKILL");
      await ended(victim);
      const left = await hsm.readAnchor();
      expect(left).toHaveLength(1024);
      expect(left).toEqual(new Uint8Array(1024).fill(left?.[0] as number));
      await hsm.writeAnchor(utf8("after"));
      expect(await hsm.readAnchor()).toEqual(utf8("after"));
    }
  });

  it("that are killed between writing and renaming have changed nothing", async () => {
    const victim = await writer("anchors", 1, strace("rename:retval=0:signal=SIGKILL"));
    victim.go();
    await ended(victim);
    expect(victim.said()).toBe("");
    expect(readdirSync(directory)).toContain("state.new");
    expect(await hsm.readAnchor()).toEqual(utf8("before"));
    await hsm.writeAnchor(utf8("after"));
    const reopened = await driver.open(config);
    expect(await reopened.readAnchor()).toEqual(utf8("after"));
    await reopened.close();
    expect(readdirSync(directory).toSorted()).toEqual(["key", "lock", "state"]);
  });

  it.each(["write:error=ENOSPC", "fsync:error=EIO", "rename:error=EROFS"])(
    "that cannot write (%s) say so, and have changed nothing",
    async (fault) => {
      const failing = await writer("anchors", 1, [...strace(fault), "-P", join(directory, "state.new")]);
      failing.go();
      await ended(failing);
      expect(failing.said()).toBe("unavailable");
      expect(await hsm.readAnchor()).toEqual(utf8("before"));
    },
  );
});

/** Runs a process with a fault at a system call. */
const strace = (fault: string): string[] => {
  const call = fault.slice(0, fault.indexOf(":"));
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${fault}`];
};
