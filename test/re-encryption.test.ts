import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { initHsm, mainHsm } from "../src/hsm/index.ts";
import { reEncrypt } from "../src/re-encryption.ts";
import { type Deployment, newFolder, openDeployment, softHsm } from "./backup/deployment.ts";
import { account, allow } from "./operations/office.ts";
import { importOf, parametersOf } from "./operations/wrapping-client.ts";

const folder = newFolder();
let open: Deployment;
let keyId: string;
const context = { EncryptionContext: { app: "payroll" } };
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  const hsm = softHsm(at("hsm"));
  await initHsm(hsm);
  open = await openDeployment(folder, mainHsm(hsm), { create: true });
  const Policy = allow("kms:*", { Principal: { AWS: `arn:aws:iam::${account}:root` } });
  const { KeyMetadata } = await open.ask("CreateKey", {
    Description: "payroll",
    Policy,
    Tags: [{ TagKey: "team", TagValue: "money" }],
  });
  keyId = KeyMetadata.Arn;
  for (const name of ["alias/one", "alias/two"]) await open.ask("CreateAlias", { AliasName: name, TargetKeyId: keyId });
});
afterAll(async () => {
  await open.close();
  rmSync(folder, { recursive: true, force: true });
});

const options = { region: undefined, encryptionContext: ["app=payroll"], files: [] };
const encrypt = async (text: string): Promise<Uint8Array> =>
  (await open.ask("Encrypt", { KeyId: keyId, Plaintext: btoa(text), ...context }))["CiphertextBlob"];

it("puts a new key in the place of an old one, and its ciphertexts in the place of the old ones", async () => {
  const [binary, printed] = [await encrypt("binary"), await encrypt("printed")];
  writeFileSync(at("binary"), binary);
  writeFileSync(at("printed"), `${printed.toBase64()}\n`);
  const files = [at("binary"), at("printed")];
  const { toKeyId } = await reEncrypt(open.parts, account, { ...options, keyId, files });
  expect(toKeyId).not.toBe(keyId);
  const { KeyMetadata } = await open.ask("DescribeKey", { KeyId: "alias/one" });
  expect([KeyMetadata.Arn, KeyMetadata.Description]).toEqual([toKeyId, "payroll"]);
  expect((await open.ask("DescribeKey", { KeyId: "alias/two" }))["KeyMetadata"].Arn).toBe(toKeyId);
  expect((await open.ask("ListResourceTags", { KeyId: toKeyId }))["Tags"]).toEqual([
    { TagKey: "team", TagValue: "money" },
  ]);
  const policies = await Promise.all([keyId, toKeyId].map((KeyId) => open.ask("GetKeyPolicy", { KeyId })));
  expect(policies[0]?.["Policy"]).toBe(policies[1]?.["Policy"]);
  const opened = async (CiphertextBlob: string) => open.ask("Decrypt", { CiphertextBlob, KeyId: toKeyId, ...context });
  expect(atob((await opened(readFileSync(at("binary")).toString("base64")))["Plaintext"].toBase64())).toBe("binary");
  expect(atob((await opened(readFileSync(at("printed"), "utf8").trim()))["Plaintext"].toBase64())).toBe("printed");

  writeFileSync(at("later"), await encrypt("later"));
  const again = { ...options, keyId, toKeyId, files: [at("later")] };
  expect(await reEncrypt(open.parts, account, again)).toEqual({ keyId, toKeyId, files: 1 });
  await expect(reEncrypt(open.parts, account, again)).rejects.toThrow(
    `${at("later")} stays as it is: IncorrectKeyException`,
  );
});

it("makes no key when a file cannot be read or opened, and leaves a file that is no ciphertext as it is", async () => {
  const count = async () => (await open.ask("ListKeys", {}))["Keys"].length;
  const before = await count();
  const missing = { ...options, keyId, files: [at("nowhere")] };
  await expect(reEncrypt(open.parts, account, missing)).rejects.toThrow("cannot be read");
  await expect(reEncrypt(open.parts, account, { ...options, keyId: "alias/one" })).rejects.toThrow("give --region");
  writeFileSync(at("sealed"), await encrypt("sealed"));
  const elsewhere = { ...options, keyId, encryptionContext: ["app=other"], files: [at("sealed")] };
  await expect(reEncrypt(open.parts, account, elsewhere)).rejects.toThrow("no key has been made");
  expect(await count()).toBe(before);
  writeFileSync(at("text"), "no ciphertext!");
  const text = { ...options, keyId, toKeyId: keyId, files: [at("text")] };
  await expect(reEncrypt(open.parts, account, text)).rejects.toThrow("InvalidCiphertextException");
  expect(readFileSync(at("text"), "utf8")).toBe("no ciphertext!");
});

it("replaces a multi-Region key by one that is in the same regions, each with its own policy and aliases", async () => {
  const askThere = open.askIn("eu-west-1");
  const { KeyMetadata } = await open.ask("CreateKey", { MultiRegion: true, Description: "everywhere" });
  const old = KeyMetadata.Arn;
  await open.ask("ReplicateKey", { KeyId: old, ReplicaRegion: "eu-west-1", Description: "there" });
  const there = old.replace("us-east-1", "eu-west-1");
  await open.ask("CreateAlias", { AliasName: "alias/here", TargetKeyId: old });
  await askThere("CreateAlias", { AliasName: "alias/there", TargetKeyId: there });
  const sealed = (await askThere("Encrypt", { KeyId: there, Plaintext: btoa("both"), ...context }))["CiphertextBlob"];
  writeFileSync(at("both"), sealed);
  const { toKeyId } = await reEncrypt(open.parts, account, { ...options, keyId: there, files: [at("both")] });
  expect(toKeyId).toMatch(/^arn:aws:kms:eu-west-1:.*key\/mrk-/);
  const found = (await askThere("DescribeKey", { KeyId: "alias/there" }))["KeyMetadata"];
  expect([found.Arn, found.Description]).toEqual([toKeyId, "there"]);
  const here = (await open.ask("DescribeKey", { KeyId: "alias/here" }))["KeyMetadata"];
  expect([here.Arn, here.Description]).toEqual([toKeyId.replace("eu-west-1", "us-east-1"), "everywhere"]);
  const CiphertextBlob = readFileSync(at("both")).toString("base64");
  const opened = await open.ask("Decrypt", { CiphertextBlob, KeyId: here.Arn, ...context });
  expect(atob(opened["Plaintext"].toBase64())).toBe("both");
});

it("replaces a key with imported material by one that the HSM has made", async () => {
  const { KeyMetadata } = await open.ask("CreateKey", { Origin: "EXTERNAL" });
  const old = KeyMetadata.Arn;
  await open.ask("ImportKeyMaterial", importOf(old, await parametersOf(open.ask, old), new Uint8Array(32).fill(7)));
  writeFileSync(
    at("imported"),
    (await open.ask("Encrypt", { KeyId: old, Plaintext: btoa("x"), ...context }))["CiphertextBlob"],
  );
  const { toKeyId } = await reEncrypt(open.parts, account, { ...options, keyId: old, files: [at("imported")] });
  expect((await open.ask("DescribeKey", { KeyId: toKeyId }))["KeyMetadata"].Origin).toBe("AWS_KMS");
  const CiphertextBlob = readFileSync(at("imported")).toString("base64");
  expect(atob((await open.ask("Decrypt", { CiphertextBlob, ...context }))["Plaintext"].toBase64())).toBe("x");
});
