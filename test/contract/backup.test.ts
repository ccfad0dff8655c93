import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { nssTokens } from "../hsm/pkcs11/nss.ts";
import { softTokens } from "../hsm/pkcs11/tokens.ts";
import { strongroom } from "./command.ts";
import { makeEvidence } from "./evidence.ts";
import { type Installation, newInstallation, softHsm } from "./installation.ts";
import { startService } from "./service.ts";

const softHsm2 = softTokens();
const nss = nssTokens();
const installations: Installation[] = [];
afterAll(() => {
  for (const one of installations) one.remove();
});

async function newOne(): Promise<Installation> {
  const made = await newInstallation();
  installations.push(made);
  return made;
}

const openssl = (...args: string[]): Buffer => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });

it("a backup is made beside a running service, and M of N officers restore it into another HSM", async () => {
  const old = await newOne();
  old.configure({ main: await softHsm2() });
  await old.run("hsm", "init");
  const credentials = await old.newAdministrator();
  const { service, kms } = await old.serve(credentials);
  const verify = await makeEvidence(kms);

  const at = (name: string): string => join(old.home, name);
  writeFileSync(at("phrase"), "of Alice", { mode: 0o600 });
  openssl("genpkey", "-algorithm", "X25519", "-aes256", "-pass", `file:${at("phrase")}`, "-out", at("alice-key.pem"));
  openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", at("bob-key.pem"));
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", at("carol-key.pem"));
  const names = ["alice", "bob", "carol"];
  for (const name of names) {
    const pass = name === "alice" ? ["-passin", `file:${at("phrase")}`] : [];
    openssl("pkey", "-in", at(`${name}-key.pem`), ...pass, "-pubout", "-out", at(`${name}.pem`));
  }
  const officers = names.flatMap((name) => ["--officer", at(`${name}.pem`)]);
  const first = await old.run("hsm", "backup", "--out", at("first"), ...officers, "--threshold", "2");
  expect(first.missing).toEqual([]);
  expect(statSync(at("first")).mode & 0o777).toBe(0o600);

  const doomed = (await kms.createKey({ Description: "made after the ceremony" })).KeyMetadata?.KeyId as string;
  const second = await old.run("hsm", "backup", "--out", at("second"), "--like", at("first"));
  expect(second.transportKey).toBe(first.transportKey);
  expect(second.keys).toBe(first.keys + 1);
  await old.run("hsm", "tombstones", "--out", at("tombstones"));
  await service.stop();

  const open = (name: string, ...more: string[]) =>
    strongroom(
      "hsm",
      "open-share",
      "--from",
      at("second"),
      "--officer-key",
      at(`${name}-key.pem`),
      ...more,
      "--out",
      at(`${name}.share`),
    );
  await expect(open("alice")).rejects.toThrow("is its passphrase given?");
  await open("alice", "--passphrase", `file:${at("phrase")}`);
  await open("carol");
  await expect(
    strongroom("hsm", "open-share", "--from", at("second"), "--officer-key", at("phrase"), "--out", at("x")),
  ).rejects.toThrow("no private key");

  const shares = ["--share", at("alice.share"), "--share", at("carol.share")];
  const targets = [softHsm("hsm"), await nss()];
  for (const target of targets) {
    const fresh = await newOne();
    fresh.configure({ fresh: target });
    await expect(fresh.run("hsm", "restore", "--from", at("second"), ...shares.slice(0, 2))).rejects.toThrow(
      "2 officers",
    );
    expect(existsSync(join(fresh.home, "store.db"))).toBe(false);
    const report = await fresh.run(
      "hsm",
      "restore",
      "--from",
      at("second"),
      ...shares,
      "--tombstones",
      at("tombstones"),
    );
    expect(report).toMatchObject({ transportKey: first.transportKey, missing: [], deleted: 0, keys: second.keys });
    const served = await fresh.serve(credentials);
    await verify(served.kms);
    expect((await served.kms.describeKey({ KeyId: doomed })).KeyMetadata?.Enabled).toBe(true);
    await served.service.stop();
    await fresh.run("audit", "verify");
    expect(readFileSync(join(fresh.home, "audit/operator.jsonl"), "utf8")).toContain('"RestoreKeys"');
    await expect(fresh.run("hsm", "restore", "--from", at("second"), ...shares)).rejects.toThrow("exists");
  }
  expect(readFileSync(at("audit/operator.jsonl"), "utf8")).toContain('"BackUpKeys"');

  const home = join(old.home, "dev");
  await strongroom("hsm", "restore", "--from", at("second"), ...shares, "--home", home);
  const dev = await startService(home, "soft", ["--account", "111122223333"]);
  await verify(dev.client());
  await dev.stop();
}, 240_000);

it("an exchanged backup is not taken for the officers' own", async () => {
  const [one, other] = [await newOne(), await newOne()];
  const key = join(one.home, "key.pem");
  for (const name of ["a", "b"]) {
    openssl("genpkey", "-algorithm", "X25519", "-out", `${key}-${name}`);
    openssl("pkey", "-in", `${key}-${name}`, "-pubout", "-out", `${key}.${name}`);
  }
  const officers = ["--officer", `${key}.a`, "--officer", `${key}.b`, "--threshold", "2"];
  for (const site of [one, other]) {
    site.configure({ main: softHsm("hsm") });
    await site.run("hsm", "init");
    await site.run("hsm", "backup", "--out", join(site.home, "backup"), ...officers);
  }
  const out = ["--out", join(one.home, "next")];
  await expect(one.run("hsm", "backup", ...out, "--like", join(other.home, "backup"))).rejects.toThrow("another store");
  await expect(one.run("hsm", "backup", ...out)).rejects.toThrow("--officer and --threshold are needed");
  await expect(one.run("hsm", "backup", ...out, ...officers.slice(0, 2), "--threshold", "2")).rejects.toThrow(
    "officers",
  );
});
