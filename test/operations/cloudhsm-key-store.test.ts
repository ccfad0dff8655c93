import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromBase64 } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
import type { HbkRecord } from "../../src/model/key.ts";
import { selfSigned } from "../server/certificate.ts";
import { type Answer, type Office, openOffice, refused } from "./office.ts";

const plaintext = btoa("plaintext");
const clusterId = "cluster-abcdefghijk";
const clone = "cluster-abcdefghijl";
const unrelated = "cluster-mnopqrstuvw";
const password = "kmsuser's password";

describe("a CloudHSM key store, over an HSM of the configuration", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-cluster-"));
  const passwordFile = join(folder, "password");
  let office: Office;
  let admin: Office["admin"];
  let trustAnchor: string;
  let foreign: string;
  let id: string;

  const create = (more: object = {}): Promise<Answer> =>
    admin("CreateCustomKeyStore", {
      CustomKeyStoreName: "hsm",
      CloudHsmClusterId: clusterId,
      TrustAnchorCertificate: trustAnchor,
      KeyStorePassword: password,
      ...more,
    });
  const connect = async () => {
    await admin("ConnectCustomKeyStore", { CustomKeyStoreId: id });
    await office.settleKeyStores();
  };
  const disconnect = async () => {
    await admin("DisconnectCustomKeyStore", { CustomKeyStoreId: id });
    await office.settleKeyStores();
  };
  const describeStore = async () =>
    (await admin("DescribeCustomKeyStores", { CustomKeyStoreId: id }))["CustomKeyStores"][0];
  const createKey = async (more: object = {}): Promise<Answer> =>
    (await admin("CreateKey", { Origin: "AWS_CLOUDHSM", CustomKeyStoreId: id, ...more }))["KeyMetadata"];

  beforeAll(async () => {
    const second = await provisionSoftHsm2(join(folder, "second"), "second");
    await initHsm(second);
    [trustAnchor, foreign] = [(await selfSigned()).cert, (await selfSigned()).cert];
    writeFileSync(passwordFile, password, { mode: 0o600 });
    const cluster = { hsm: "second", trustAnchor, password: `file:${passwordFile}` };
    const keyStores = {
      proxies: {},
      clusters: { [clusterId]: cluster, [clone]: cluster, [unrelated]: { ...cluster, trustAnchor: foreign } },
    };
    office = await openOffice({ keyStores }, "us-east-1", [{ name: "second", hsm: second }]);
    admin = office.admin;
    for (const member of office.parts.hsms.members) {
      await new DomainKeys({ ...office.parts, member, clock: office.site.clock, openAdmin: openHsmAdmin }).adopt();
    }
  });

  afterAll(async () => {
    await office.close();
    rmSync(folder, { recursive: true });
  });

  it("is made with the cluster's trust anchor, once", async () => {
    expect(await refused(create({ CloudHsmClusterId: "cluster-aaaaaaaaaaa" }))).toBe(
      "CloudHsmClusterNotFoundException",
    );
    expect(await refused(create({ TrustAnchorCertificate: foreign }))).toBe("IncorrectTrustAnchorException");
    expect(await refused(create({ TrustAnchorCertificate: "none" }))).toBe("IncorrectTrustAnchorException");
    expect(await refused(create({ KeyStorePassword: undefined }))).toBe("ValidationException");
    id = (await create())["CustomKeyStoreId"];
    expect(await refused(create({ CustomKeyStoreName: "other" }))).toBe("CloudHsmClusterInUseException");
    expect(await describeStore()).toMatchObject({
      CustomKeyStoreType: "AWS_CLOUDHSM",
      CloudHsmClusterId: clusterId,
      TrustAnchorCertificate: trustAnchor,
      ConnectionState: "DISCONNECTED",
    });
    expect(JSON.stringify(await describeStore())).not.toContain(password);
  });

  it("connects with the password of the configuration only", async () => {
    await admin("UpdateCustomKeyStore", { CustomKeyStoreId: id, KeyStorePassword: "another one" });
    await connect();
    expect(await describeStore()).toMatchObject({
      ConnectionState: "FAILED",
      ConnectionErrorCode: "INVALID_CREDENTIALS",
    });
    await disconnect();
    await admin("UpdateCustomKeyStore", { CustomKeyStoreId: id, KeyStorePassword: password });
    await connect();
    expect(await describeStore()).toMatchObject({ ConnectionState: "CONNECTED" });
    const update = admin("UpdateCustomKeyStore", { CustomKeyStoreId: id, KeyStorePassword: password });
    expect(await refused(update)).toBe("CustomKeyStoreInvalidStateException");
  });

  it("fails, and tells the operator, when the configuration's password cannot be read", async () => {
    await disconnect();
    renameSync(passwordFile, `${passwordFile}.away`);
    await expect(connect()).rejects.toThrow(ConfigError);
    const failed = { ConnectionState: "FAILED", ConnectionErrorCode: "INTERNAL_ERROR" };
    expect(await describeStore()).toMatchObject(failed);
    renameSync(`${passwordFile}.away`, passwordFile);
    await disconnect();
    await connect();
    expect(await describeStore()).toMatchObject({ ConnectionState: "CONNECTED" });
  });

  it("makes symmetric keys that stay in its HSM, and random bytes", async () => {
    const key = await createKey();
    expect(key).toMatchObject({ Origin: "AWS_CLOUDHSM", CustomKeyStoreId: id, CloudHsmClusterId: clusterId });
    expect(key["CurrentKeyMaterialId"]).toBeUndefined();
    const [hbk] = await office.parts.store.list("hbk/");
    const { ekt } = JSON.parse(new TextDecoder().decode(hbk?.value)) as HbkRecord;
    const second = office.parts.hsms.named("second");
    expect(office.parts.hsms.of(fromBase64(ekt) as Uint8Array)).toEqual([second]);
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: key["KeyId"], Plaintext: plaintext });
    const opened = await admin("Decrypt", { CiphertextBlob: CiphertextBlob.toBase64() });
    expect(new TextDecoder().decode(opened["Plaintext"])).toBe("plaintext");
    const { Plaintext } = await admin("GenerateRandom", { NumberOfBytes: 24, CustomKeyStoreId: id });
    expect(Plaintext).toHaveLength(24);
    expect(await refused(createKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }))).toBe(
      "UnsupportedOperationException",
    );
    expect(await refused(createKey({ XksKeyId: "key" }))).toBe("ValidationException");
    expect(await refused(admin("EnableKeyRotation", { KeyId: key["KeyId"] }))).toBe("UnsupportedOperationException");
  });

  it("re-encrypts between its HSM and the main one", async () => {
    const inside = (await createKey())["KeyId"];
    const outside = (await admin("CreateKey"))["KeyMetadata"]["KeyId"];
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: inside, Plaintext: plaintext });
    const moved = await admin("ReEncrypt", { CiphertextBlob: CiphertextBlob.toBase64(), DestinationKeyId: outside });
    const back = await admin("ReEncrypt", {
      CiphertextBlob: moved["CiphertextBlob"].toBase64(),
      DestinationKeyId: inside,
    });
    const opened = await admin("Decrypt", { CiphertextBlob: back["CiphertextBlob"].toBase64(), KeyId: inside });
    expect(new TextDecoder().decode(opened["Plaintext"])).toBe("plaintext");
  });

  it("makes its keys unavailable while it is disconnected; only a clone takes the cluster's place", async () => {
    const key = (await createKey())["KeyId"];
    await disconnect();
    expect((await admin("DescribeKey", { KeyId: key }))["KeyMetadata"]["KeyState"]).toBe("Unavailable");
    expect(await refused(admin("Encrypt", { KeyId: key, Plaintext: plaintext }))).toBe("KMSInvalidStateException");
    expect(await refused(admin("GenerateRandom", { NumberOfBytes: 1, CustomKeyStoreId: id }))).toBe(
      "CustomKeyStoreInvalidStateException",
    );
    expect(await refused(createKey())).toBe("CustomKeyStoreInvalidStateException");
    const replace = (CloudHsmClusterId: string) =>
      admin("UpdateCustomKeyStore", { CustomKeyStoreId: id, CloudHsmClusterId });
    expect(await refused(replace(unrelated))).toBe("CloudHsmClusterNotRelatedException");
    await replace(clone);
    await connect();
    await admin("Encrypt", { KeyId: key, Plaintext: plaintext });
    await disconnect();
    expect(await refused(admin("DeleteCustomKeyStore", { CustomKeyStoreId: id }))).toBe(
      "CustomKeyStoreHasCMKsException",
    );
  });
});
