import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authorizer } from "../../src/access/evaluate.ts";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { type ConfiguredHsm, initHsm, openHsmAdmin, type SoftConfig } from "../../src/hsm/index.ts";
import { pairHsms } from "../../src/hsm/pairing.ts";
import { eachToken } from "../../src/kms/key-tokens.ts";
import { Kms } from "../../src/kms/kms.ts";
import { MissingHsms } from "../../src/kms/missing-hsms.ts";
import { Readiness } from "../../src/kms/readiness.ts";
import { Replication } from "../../src/kms/replication.ts";
import type { HbkRecord } from "../../src/model/key.ts";
import { perform } from "../../src/operations/perform.ts";
import { operatorIam } from "../../src/operator.ts";
import type { Parts } from "../../src/service.ts";
import { newSite, type Site } from "./premises.ts";

const account = "111122223333";

describe("replication", () => {
  let folder: string;
  let other: ConfiguredHsm & { hsm: SoftConfig };
  let site: Site;
  let parts: Parts;
  let kms: Kms;
  let replication: Replication;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "replica-"));
    const directory = join(folder, "hsm");
    other = { name: "other", hsm: { driver: "soft", directory, keyFile: join(folder, "key") }, replicaOf: "main" };
    await initHsm(other.hsm);
    site = await newSite([other]);
    await open();
  });

  afterEach(async () => {
    await parts.outbox.flush();
    await parts.close();
    site.remove();
    rmSync(folder, { recursive: true });
  });

  async function open(): Promise<void> {
    parts = await site.open();
    kms = new Kms({ ...parts, regions: ["us-east-1"], authorizer, sink: parts.log, clock: site.clock });
    replication = new Replication({ ...parts, forget: kms.forget, openAdmin: openHsmAdmin, clock: site.clock });
    kms.watch("hbk", (path) => replication.note(path));
  }

  /** An operation as the root of the account. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what its operation answers
  async function call(operation: string, request: object): Promise<Record<string, any>> {
    const arn = `arn:aws:iam::${account}:root`;
    const principal = { type: "Root", account, arn, id: account, accessKeyId: "none", policies: [] } as const;
    const caller = { principal, region: "us-east-1", requestId: "r", address: "127.0.0.1", userAgent: "test" };
    return (await perform(kms, operation, caller, utf8(JSON.stringify(request)))) ?? {};
  }

  const newKey = async (spec: object = {}): Promise<string> =>
    (await call("CreateKey", { Policy, BypassPolicyLockoutSafetyCheck: true, ...spec }))["KeyMetadata"].KeyId;

  async function pair(): Promise<void> {
    const both = [site.premises.hsms[0] as ConfiguredHsm, other] as const;
    await pairHsms(both, Object.values(await pairHsms(both, [])));
  }

  /** In how many HSMs each key is: the store's own, those of access keys, HBKs. */
  async function copies(): Promise<readonly number[]> {
    const counts: number[] = [];
    await eachToken(parts, (tokens) => {
      counts.push(tokens.length);
    });
    return counts;
  }

  const replicas = async (): Promise<readonly (number | undefined)[]> =>
    (await parts.store.list("hbk/")).map(({ value }) => (JSON.parse(fromUtf8(value)) as HbkRecord).replicas?.length);

  const encrypt = async (KeyId: string): Promise<string> =>
    (await call("Encrypt", { KeyId, Plaintext: "AQID" }))["CiphertextBlob"].toBase64();
  const decrypt = async (CiphertextBlob: string): Promise<Uint8Array> =>
    (await call("Decrypt", { CiphertextBlob }))["Plaintext"];

  it("brings every key to the replica, the new ones as they are made, the store's and access keys, too", async () => {
    await pair();
    const iam = operatorIam(parts, account, site.clock);
    await iam.createUser(account, "user");
    const { accessKeyId } = await iam.createAccessKey(account, "user");
    const kDate = async () => (await (await parts.principals.lookup(accessKeyId))?.kDate("20261122"))?.toHex();
    const before = await kDate();
    await newKey();
    await newKey({ KeySpec: "HMAC_384", KeyUsage: "GENERATE_VERIFY_MAC" });
    await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    expect(new Set(await copies())).toEqual(new Set([1]));
    await replication.run();
    expect(await copies()).toEqual([2, 2, 2, 2, 2, 2]);
    await newKey();
    await replication.run();
    expect(await replicas()).toEqual([1, 1, 1, 1]);
    await parts.hsms.primary.close();
    expect(await kDate()).toBe(before);
  });

  it("lets the service start and work where the first HSM is away, its ciphertexts open, and new keys go back", async () => {
    await pair();
    const key = await newKey();
    const blob = await encrypt(key);
    await replication.run();
    const main = site.hsm.directory;
    await parts.outbox.flush();
    await parts.close();
    renameSync(main, `${main}-away`);
    await open();
    expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
    const made = await encrypt(await newKey());
    const { ok, checks } = await new Readiness({ ...parts, missing: new MissingHsms(parts, () => undefined) }).check();
    expect([ok, checks]).toMatchObject([true, { hsm: expect.stringContaining("away"), "hsm other": "ok" }]);
    renameSync(`${main}-away`, main);
    while (!parts.hsms.primary.opened) await new Promise((resolve) => setTimeout(resolve, 20));
    await replication.run();
    expect(await replicas()).toEqual([1, 1]);
    expect(await decrypt(made)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("exports nothing under a key that was not pinned, says so once, and leaves the keys as they are", async () => {
    await newKey();
    await expect(replication.run()).rejects.toThrow("main to other: the transport key has not been pinned (");
    site.clock.advance(61_000);
    await replication.run();
    expect(new Set(await copies())).toEqual(new Set([1]));
  });

  it("goes on after domain keys of both have been rotated", async () => {
    await pair();
    const blob = await encrypt(await newKey());
    await replication.run();
    for (const member of parts.hsms.members) {
      const domainKeys = site.domainKeys(parts, member);
      await domainKeys.rotate();
      expect(await domainKeys.rewrap()).toBe(1);
    }
    expect(await replicas()).toEqual([1]);
    expect(await decrypt(blob)).toEqual(Uint8Array.of(1, 2, 3));
  });
});

const Policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "kms:*", Resource: "*" }],
});

describe("pairing", () => {
  it("pins nothing while a fingerprint is missing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pair-"));
    const [a, b] = ["a", "b"].map((name) => {
      const directory = join(folder, name);
      return { name, hsm: { driver: "soft", directory, keyFile: `${directory}.key` } } as const;
    }) as [ConfiguredHsm, ConfiguredHsm];
    for (const { hsm } of [a, b]) await initHsm(hsm);
    const { a: fingerprint } = await pairHsms([a, b], []);
    await expect(pairHsms([a, b], [fingerprint as string])).rejects.toThrow("nothing is pinned");
    rmSync(folder, { recursive: true });
  });
});
