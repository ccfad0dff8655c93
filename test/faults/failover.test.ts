import { renameSync } from "node:fs";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driver } from "../../src/hsm/pkcs11/driver.ts";
import { newInstallation, softHsm } from "../contract/installation.ts";
import type { Service } from "../contract/service.ts";
import { type SoftToken, softTokens } from "../hsm/pkcs11/tokens.ts";
import { until } from "./load.ts";
import { materialRevisions, unlessGone, workersOf } from "./start.ts";

const softHsm2 = softTokens();

/** Five seconds is the deadline of a call; a busy machine does not keep it, and takes less than two more of them. */
const longestWait = 15_000;
/** Until an HSM that has come back is in use, beside the start of a worker as it was at that moment: a second at rest. */
const longestReturn = 4_000;

/** Milliseconds, where the machine has other things to do. */
const patience = 100_000;

describe.each(["two SoftHSM2 tokens", "a soft HSM and a SoftHSM2 token"])(
  "%s that hold each other's keys",
  async (of) => {
    const installation = await newInstallation();
    afterAll(async () => {
      await service.stop();
      installation.remove();
    });
    const twin = await softHsm2("twin");
    const main = of.startsWith("two") ? await softHsm2("main") : softHsm("main");
    const spare = await softHsm2("spare");
    const failing = of.startsWith("two") ? [main as SoftToken, twin] : [twin];
    let service: Service;
    let kms: KMS;

    beforeAll(async () => {
      const { run } = installation;
      installation.configure({ main, twin: { ...twin, replicaOf: "main" } });
      await run("hsm", "init");
      const credentials = await installation.newAdministrator();
      const { fingerprints } = await run("hsm", "pair", "--hsm", "twin");
      const given = Object.values<string>(fingerprints).flatMap((one) => ["--fingerprint", one]);
      expect(await run("hsm", "pair", "--hsm", "twin", ...given)).toEqual({ fingerprints, paired: true });
      const standings = await run("hsm", "list", "--json");
      expect(standings).toMatchObject([
        { name: "main", health: { ok: true } },
        { name: "twin", health: { ok: true }, replicaOf: "main" },
      ]);
      ({ service, kms } = await installation.serve(credentials));
      for (let i = 0; i < 4; i++) {
        const { KeyMetadata } = await kms.createKey();
        await kms.createAlias({ AliasName: `alias/${i}`, TargetKeyId: KeyMetadata?.KeyId });
      }
      await until(() => materialRevisions(join(installation.home, "store.db")).every((n) => n > 1), "keys are in both");
      expect(service.log()).not.toContain("not every key");
      await driver.init(spare);
    }, 120_000);

    it("fail no request of 32 in flight while workers of one are killed, stopped, and its token is away", async () => {
      const load = startLoad(kms, 32);
      for (const token of failing) {
        for (const signal of ["SIGKILL", "SIGKILL", "SIGSTOP"] as const) {
          await load.progress(200);
          for (const worker of workersAt(service, token)) process.kill(worker, signal);
        }
        await load.progress(500);
        await until(() => !isMissed(service, token), "it is in use", patience);
        const returned = await whileAway(token, async () => {
          await missed(token);
          await load.progress(500);
          await kms.createKey();
          await missed(token);
        });
        const start = await startOfWorker();
        await until(() => !isMissed(service, token), "it is back in use", patience);
        const took = Date.parse(lastSaid(service, token)?.time as string) - returned;
        console.log(`${of}: in use ${took} ms after its return, while a worker started in ${start} ms`);
        expect(took - 3 * start).toBeLessThan(longestReturn);
      }
      expect(await load.stop()).toEqual([]);
      expect(load.longest()).toBeLessThan(longestWait);
      await load.verify();
    }, 500_000);

    /** A worker that was on its way when the token went may have all that it needs of it: those go until it is missed. */
    const missed = (token: SoftToken): Promise<void> =>
      until(
        () => {
          if (isMissed(service, token)) return true;
          for (const worker of workersAt(service, token)) process.kill(worker, "SIGKILL");
          return false;
        },
        "it is missed",
        patience,
      );

    /** As long as it takes now, in milliseconds. */
    async function startOfWorker(): Promise<number> {
      const start = performance.now();
      const hsm = await driver.open(spare);
      const took = Math.round(performance.now() - start);
      await hsm.close();
      return took;
    }

    /** Answers when the token came back. */
    async function whileAway(token: SoftToken, work: () => Promise<void>): Promise<number> {
      const tokens = join(token.folder, "tokens");
      renameSync(tokens, `${tokens}-away`);
      await work();
      const returned = Date.now();
      renameSync(`${tokens}-away`, tokens);
      return returned;
    }
  },
);

/** Those of the token: their environment says so. */
const workersAt = (service: Service, { folder }: SoftToken): readonly number[] =>
  workersOf(service).filter((pid) => unlessGone(`/proc/${pid}/environ`).includes(folder));

/** What the service last said of whether the token answers. */
function lastSaid(
  service: Service,
  { uri }: SoftToken,
): { readonly notice: string; readonly time: string } | undefined {
  const name = /token=(\w+)/.exec(uri)?.[1];
  const lines = service.log().split("\n");
  const last = lines.findLast(
    (line) => line.includes(`"name":"${name}"`) && /does not answer|answers again/.test(line),
  );
  return last === undefined ? undefined : JSON.parse(last);
}

const isMissed = (service: Service, token: SoftToken): boolean =>
  /does not answer/.test(lastSaid(service, token)?.notice ?? "");

/** Clients that encrypt, make data keys, and open what they have made, one request after the other each. */
function startLoad(kms: KMS, clients: number) {
  let [stopped, answers, longest] = [false, 0, 0];
  const failures: string[] = [];
  const sealed: { readonly blob: Uint8Array; readonly plaintext: Uint8Array }[] = [];
  const timed = async <T>(request: Promise<T>): Promise<T> => {
    const start = performance.now();
    const answer = await request;
    longest = Math.max(longest, performance.now() - start);
    answers += 1;
    return answer;
  };
  const step = async (i: number): Promise<void> => {
    const KeyId = `alias/${i % 4}`;
    const made = await timed(kms.generateDataKey({ KeyId, KeySpec: "AES_256" }));
    const { CiphertextBlob } = await timed(kms.encrypt({ KeyId, Plaintext: made.Plaintext }));
    const plaintext = made.Plaintext as Uint8Array;
    for (const blob of [made.CiphertextBlob, CiphertextBlob] as Uint8Array[]) sealed.push({ blob, plaintext });
    await open(sealed[Math.floor(Math.random() * sealed.length)] as (typeof sealed)[number]);
  };
  const open = async ({ blob, plaintext }: (typeof sealed)[number]): Promise<void> => {
    const { Plaintext } = await timed(kms.decrypt({ CiphertextBlob: blob }));
    if (!Buffer.from(plaintext).equals(Plaintext as Uint8Array)) throw new Error("another plaintext came back");
  };
  const client = async (i: number): Promise<void> => {
    while (!stopped) await step(i).catch((error: Error) => failures.push(`${error.name}: ${error.message}`));
  };
  const running = Array.from({ length: clients }, (_, i) => client(i));
  return {
    progress(more: number) {
      const enough = answers + more;
      return until(() => answers >= enough, `${more} requests are answered`);
    },
    longest: () => longest,
    async stop(): Promise<readonly string[]> {
      stopped = true;
      await Promise.all(running);
      return failures;
    },
    /** Everything that was made still opens. */
    async verify(): Promise<void> {
      for (const one of sealed.filter((_, i) => i % 20 === 0)) await open(one);
    },
  };
}
