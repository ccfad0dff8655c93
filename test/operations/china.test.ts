import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Bytes, base64, fromBase64, fromUtf8 } from "../../src/base/bytes.ts";
import { initHsm } from "../../src/hsm/index.ts";
import { keyPath, writeKey } from "../../src/kms/records.ts";
import type { KeyRecord } from "../../src/model/key.ts";
import { selfSigned } from "../server/certificate.ts";
import { type Ask, account, allow, type Office, openOffice } from "./office.ts";

const home = "cn-north-1";
const plaintext = btoa("secret");
/** Second octets of ciphertexts. */
const [aes, sm4] = [1, 3];

const folder = mkdtempSync(join(tmpdir(), "strongroom-china-"));
const passwordFile = join(folder, "password");
const clusterId = "cluster-abcdefghijk";
let office: Office;
let admin: Ask;
let trustAnchor: string;

beforeAll(async () => {
  const directory = join(folder, "second");
  const second = { driver: "soft", directory, keyFile: join(folder, "key") } as const;
  await initHsm(second);
  writeFileSync(passwordFile, "password", { mode: 0o600 });
  trustAnchor = (await selfSigned()).cert;
  const cluster = { hsm: "second", trustAnchor, password: `file:${passwordFile}` };
  const services = { s3: [`arn:aws:iam::${account}:user/storage`] };
  const keyStores = { proxies: {}, clusters: { [clusterId]: cluster } };
  const others = [{ name: "second", hsm: second }];
  office = await openOffice({ regions: [home, "cn-northwest-1"], services, keyStores }, home, others);
  admin = office.admin;
});
afterAll(async () => {
  await office.close();
  rmSync(folder, { recursive: true });
});

const sealed = async (KeyId: string, by = admin): Promise<Bytes> =>
  (await by("Encrypt", { KeyId, Plaintext: plaintext }))["CiphertextBlob"];
const opened = async (ciphertext: Bytes): Promise<Bytes> =>
  (await admin("Decrypt", { CiphertextBlob: base64(ciphertext) }))["Plaintext"];

it("a key that is AES-256 from before SM4 stays that when it is rotated and replicated, and re-encrypts to SM4", async () => {
  const old = await olderKey();
  const ciphertext = await sealed(old);
  expect(ciphertext[1]).toBe(aes);
  await admin("RotateKeyOnDemand", { KeyId: old });
  expect((await sealed(old))[1]).toBe(aes);
  await admin("ReplicateKey", { KeyId: old, ReplicaRegion: "cn-northwest-1" });
  const there = await office.user("northwest", account, allow("*"), "cn-northwest-1");
  expect((await sealed(old, there))[1]).toBe(aes);
  const fresh = await office.newKey();
  const moved = await admin("ReEncrypt", { CiphertextBlob: base64(ciphertext), DestinationKeyId: fresh });
  expect(moved["CiphertextBlob"][1]).toBe(sm4);
  for (const one of [ciphertext, moved["CiphertextBlob"]]) expect(await opened(one)).toEqual(fromBase64(plaintext));
});

it("AWS managed keys are SM4, too", async () => {
  expect((await sealed("alias/aws/s3", await office.user("storage")))[1]).toBe(sm4);
});

it("keys in a custom key store are AES-256", async () => {
  const { CustomKeyStoreId } = await admin("CreateCustomKeyStore", {
    CustomKeyStoreName: "hsm",
    CloudHsmClusterId: clusterId,
    TrustAnchorCertificate: trustAnchor,
    KeyStorePassword: "password",
  });
  await admin("ConnectCustomKeyStore", { CustomKeyStoreId });
  await office.settleKeyStores();
  const ciphertext = await sealed(await office.newKey({ Origin: "AWS_CLOUDHSM", CustomKeyStoreId }));
  expect(ciphertext[1]).toBe(aes);
  expect(await opened(ciphertext)).toEqual(fromBase64(plaintext));
});

/** As CreateKey made it then: no `cipher`, in the record and for the material. */
async function olderKey(): Promise<string> {
  const model = await office.newKey({ MultiRegion: true });
  const stored = await office.parts.store.get(keyPath(account, home, model.split("/")[1] as string));
  const { cipher, ...record } = JSON.parse(fromUtf8(stored?.value as Bytes)) as KeyRecord;
  expect(cipher).toBe("SM4");
  const older = { ...record, id: `mrk-${randomUUID().replaceAll("-", "")}` };
  const { hbkId, write, expectation } = await office.kms.newMaterial(older);
  const key = { ...older, hbkId, materials: [{ hbkId }] };
  await office.parts.store.commit([writeKey(key, 0), write], [expectation]);
  return key.id;
}
