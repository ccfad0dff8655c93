import { spawn } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HsmChoice } from "../contract/hsms.ts";
import { checkout, removeHome, startService, temporaryHome } from "../contract/service.ts";
import { auditFaults, auditLines, ciphertextFaults, Ledger, stateFaults } from "./ledger.ts";
import { startLoad, until } from "./load.ts";
import { refusedStart } from "./start.ts";

const choices: readonly HsmChoice[] = ["soft", "softhsm2"];

describe("a service that is asked to stop", () => {
  let home: string;
  beforeEach(() => {
    home = temporaryHome();
  });
  afterEach(() => removeHome(home));

  it.each(choices)(
    "under load over %s answers all that it has begun, and ends well",
    async (hsm) => {
      const ledger = new Ledger();
      const service = await startService(home, hsm);
      const load = startLoad(service.client(), ledger, 32, "unexpected");
      await load.progress(100);
      expect(await service.stop()).toBe(0);
      await load.stop();
      const begun = auditLines(home).filter(
        ({ eventSource, eventType }) => eventSource === "kms.amazonaws.com" && eventType === "AwsApiCall",
      );
      const unanswered = begun.filter(({ requestID }) => !ledger.requests.has(requestID));
      expect(unanswered.map(({ eventName }) => eventName)).toEqual([]);
      expect(service.log()).not.toMatch(/"event":"failure"/);

      const again = await startService(home, hsm);
      expect(await stateFaults(again.client(), ledger)).toEqual([]);
      expect(await ciphertextFaults(again.client(), ledger)).toEqual([]);
      expect(auditFaults(home, ledger)).toEqual([]);
      expect(await again.stop()).toBe(0);
    },
    120_000,
  );

  it("keeps others from its home until then, and ends well by any signal", async () => {
    const service = await startService(home);
    const { status, log } = refusedStart(home);
    expect([status, log]).toEqual([2, `strongroom: ${home} is in use by another strongroom process\n`]);
    expect((await service.client().listKeys()).Keys).toEqual([]);
    expect(await service.kill("SIGHUP")).toBe(0);
    const next = await startService(home);
    expect(await next.kill("SIGINT")).toBe(0);
  }, 60_000);
});

describe("a service in memory", () => {
  /** The folder in which the process has a file open: others make theirs in the same place. */
  function homeOf(pid: number): string | undefined {
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
    return files.flatMap((file) => /^\/dev\/shm\/strongroom-\w+(?=\/)/.exec(file)?.[0] ?? [])[0];
  }

  /** Started, and asked to stop when it is ready or as soon as it has a home; whether it was ready. */
  async function run(hsm: HsmChoice, when: "ready" | "at once") {
    const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    const child = spawn(join(checkout, "scripts/strongroom"), ["dev", "--ephemeral", "--hsm", hsm, ...addresses], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const isReady = () => /^ready /m.test(output);
    let home: string | undefined;
    await until(() => {
      home = homeOf(child.pid as number);
      return home !== undefined;
    }, "it has a home");
    if (when === "ready") await until(isReady, "it is ready");
    child.kill("SIGTERM");
    return { status: await ended, left: existsSync(home as string), ready: isReady() };
  }

  it.each(choices)(
    "over %s leaves nothing behind",
    async (hsm) => {
      expect(await run(hsm, "ready")).toEqual({ status: 0, left: false, ready: true });
    },
    120_000,
  );

  it.each(choices)(
    "over %s leaves nothing behind when it is stopped before it serves",
    async (hsm) => {
      let end = await run(hsm, "at once");
      while (end.ready) end = await run(hsm, "at once");
      expect(end).toEqual({ status: 128 + 15, left: false, ready: false });
    },
    120_000,
  );
});
