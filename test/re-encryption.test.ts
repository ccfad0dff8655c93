import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { initHsm, mainHsm } from "../src/hsm/index.ts";
import { reEncrypt } from "../src/re-encryption.ts";
import { type Deployment, newFolder, openDeployment, softHsm } from "./backup/deployment.ts";
import { account, allow } from "./operations/office.ts";

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

it("makes no key when a file cannot be read, and leaves a file that is no ciphertext as it is", async () => {
  const count = async () => (await open.ask("ListKeys", {}))["Keys"].length;
  const before = await count();
  const missing = { ...options, keyId, files: [at("nowhere")] };
  await expect(reEncrypt(open.parts, account, missing)).rejects.toThrow("cannot be read");
  await expect(reEncrypt(open.parts, account, { ...options, keyId: "alias/one" })).rejects.toThrow("give --region");
  expect(await count()).toBe(before);
  writeFileSync(at("text"), "no ciphertext!");
  const text = { ...options, keyId, toKeyId: keyId, files: [at("text")] };
  await expect(reEncrypt(open.parts, account, text)).rejects.toThrow("InvalidCiphertextException");
  expect(readFileSync(at("text"), "utf8")).toBe("no ciphertext!");
});
