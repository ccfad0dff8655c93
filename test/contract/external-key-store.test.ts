import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CreateCustomKeyStoreRequest, KMS } from "@aws-sdk/client-kms";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type Fault,
  newCredential,
  type ProxyRequest,
  type ProxyServer,
  prefix,
  startProxy,
} from "../xks/proxy-server.ts";
import { refusal } from "./asymmetric.ts";
import { removeHome, type Service, settledStore, startService, temporaryHome } from "./service.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const endpoint = "https://localhost";

describe("an external key store", () => {
  const home = temporaryHome();
  const credential = newCredential();
  let proxy: ProxyServer;
  let service: Service;
  let kms: KMS;
  let storeId: string;

  const request = (more: Partial<CreateCustomKeyStoreRequest> = {}): CreateCustomKeyStoreRequest => ({
    CustomKeyStoreName: "external",
    CustomKeyStoreType: "EXTERNAL_KEY_STORE",
    XksProxyUriEndpoint: endpoint,
    XksProxyUriPath: prefix,
    XksProxyConnectivity: "PUBLIC_ENDPOINT",
    XksProxyAuthenticationCredential: {
      AccessKeyId: credential.accessKeyId,
      RawSecretAccessKey: credential.secretAccessKey,
    },
    ...more,
  });

  /** An external key, and a KMS key over it. */
  const newKey = async (xksKeyId: string): Promise<string> => {
    proxy.keys.set(xksKeyId, { key: randomBytes(32), enabled: true, spec: "AES_256" });
    const { KeyMetadata } = await kms.createKey({
      Origin: "EXTERNAL_KEY_STORE",
      CustomKeyStoreId: storeId,
      XksKeyId: xksKeyId,
    });
    return KeyMetadata?.KeyId as string;
  };

  /** Slow requests of earlier tests may come in between. */
  const lastRequest = (end: string) => proxy.requests.findLast(({ path }) => path.endsWith(end)) as ProxyRequest;

  const stateOf = async (id = storeId) =>
    (await kms.describeCustomKeyStores({ CustomKeyStoreId: id })).CustomKeyStores?.[0];

  const connect = async () => {
    await kms.connectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
  };
  const disconnect = async () => {
    await kms.disconnectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
  };

  beforeAll(async () => {
    proxy = await startProxy();
    proxy.credentials.push(credential);
    writeFileSync(join(home, "xks-ca.pem"), proxy.ca);
    const file = join(home, "key-stores.yaml");
    const dead = "    closed.test: { address: 127.0.0.1:9 }\n    untrusted.test: { address: ";
    writeFileSync(
      file,
      `proxies:\n    localhost: { address: "127.0.0.1:${proxy.port}", ca: xks-ca.pem, timeout: 2000 }\n${dead}"127.0.0.1:${proxy.port}" }\n`,
    );
    service = await startService(home, "soft", ["--key-stores", file]);
    kms = service.client();
  }, 120_000);

  afterEach(() => {
    proxy.faults.clear();
    proxy.health = "ACTIVE";
  });

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    await proxy.close();
    removeHome(home);
  });

  it("is made of a proxy that answers, and shows no secret", async () => {
    const made = await kms.createCustomKeyStore(request());
    storeId = made.CustomKeyStoreId as string;
    expect(storeId).toMatch(/^cks-[0-9a-f]{17}$/);
    expect(await stateOf()).toEqual({
      CustomKeyStoreId: storeId,
      CustomKeyStoreName: "external",
      CustomKeyStoreType: "EXTERNAL_KEY_STORE",
      ConnectionState: "DISCONNECTED",
      CreationDate: expect.any(Date),
      XksProxyConfiguration: {
        Connectivity: "PUBLIC_ENDPOINT",
        AccessKeyId: credential.accessKeyId,
        UriEndpoint: endpoint,
        UriPath: prefix,
      },
    });
    const asked = proxy.requests.at(-1) as { path: string; body: Record<string, unknown> };
    expect(asked.path).toBe(`${prefix}/health`);
    expect(asked.body).toEqual({
      requestMetadata: { kmsOperation: "CreateCustomKeyStore", kmsRequestId: made.$metadata.requestId },
    });
  });

  it.each<[string, Partial<CreateCustomKeyStoreRequest>, string]>([
    ["name that is taken", {}, "CustomKeyStoreNameInUseException"],
    ["proxy address that is taken", { CustomKeyStoreName: "b" }, "XksProxyUriInUseException"],
    [
      "proxy that the configuration does not list",
      { CustomKeyStoreName: "b", XksProxyUriEndpoint: "https://elsewhere.test" },
      "XksProxyUriUnreachableException",
    ],
    [
      "proxy that is not there",
      { CustomKeyStoreName: "b", XksProxyUriEndpoint: "https://closed.test" },
      "XksProxyUriUnreachableException",
    ],
    [
      "certificate for another host, of nobody's authority",
      { CustomKeyStoreName: "b", XksProxyUriEndpoint: "https://untrusted.test" },
      "XksProxyUriUnreachableException",
    ],
    [
      "path that the proxy does not have",
      { CustomKeyStoreName: "b", XksProxyUriPath: "/other/kms/xks/v1" },
      "XksProxyInvalidConfigurationException",
    ],
    [
      "credential that the proxy does not know",
      {
        CustomKeyStoreName: "b",
        XksProxyUriPath: "/other/kms/xks/v1",
        XksProxyAuthenticationCredential: { AccessKeyId: "A".repeat(20), RawSecretAccessKey: "b".repeat(43) },
      },
      "XksProxyIncorrectAuthenticationCredentialException",
    ],
    [
      "VPC endpoint service",
      {
        CustomKeyStoreName: "b",
        XksProxyConnectivity: "VPC_ENDPOINT_SERVICE",
        XksProxyVpcEndpointServiceName: "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
      },
      "XksProxyVpcEndpointServiceNotFoundException",
    ],
    ["missing endpoint", { CustomKeyStoreName: "b", XksProxyUriEndpoint: undefined }, "ValidationException"],
    [
      "port in the endpoint",
      { CustomKeyStoreName: "b", XksProxyUriEndpoint: "https://localhost:8443" },
      "ValidationException",
    ],
    ["cluster", { CustomKeyStoreName: "b", CloudHsmClusterId: "cluster-abcdefghijk" }, "ValidationException"],
  ])("is not made with a %s", async (_, more, name) => {
    expect((await refusal(kms.createCustomKeyStore(request(more)))).name).toBe(name);
  });

  it.each<[string, Fault, string, string]>([
    ["slow", { kind: "slow", delay: 5000 }, "XksProxyUriUnreachableException", "XKS_PROXY_TIMED_OUT"],
    ["broken", { kind: "broken" }, "XksProxyInvalidResponseException", "XKS_PROXY_INVALID_RESPONSE"],
    [
      "throttling",
      { kind: "error", status: 429, errorName: "ThrottlingException" },
      "XksProxyUriUnreachableException",
      "XKS_PROXY_NOT_REACHABLE",
    ],
    [
      "denying",
      { kind: "error", status: 403, errorName: "AccessDeniedException" },
      "XksProxyInvalidConfigurationException",
      "XKS_PROXY_ACCESS_DENIED",
    ],
  ])("is neither made nor connected while its proxy is %s", async (_, fault, exception, code) => {
    proxy.faults.set("all", fault);
    const other = request({ CustomKeyStoreName: "b", XksProxyUriPath: "/b/kms/xks/v1" });
    expect((await refusal(kms.createCustomKeyStore(other))).name).toBe(exception);
    await connect();
    expect(await stateOf()).toMatchObject({ ConnectionState: "FAILED", ConnectionErrorCode: code });
    for (const again of [
      kms.connectCustomKeyStore({ CustomKeyStoreId: storeId }),
      kms.deleteCustomKeyStore({ CustomKeyStoreId: storeId }),
    ]) {
      expect((await refusal(again)).name).toBe("CustomKeyStoreInvalidStateException");
    }
    await disconnect();
    expect(await stateOf()).not.toHaveProperty("ConnectionErrorCode");
  });

  it("does not connect when all key managers of its proxy are unavailable", async () => {
    proxy.health = "UNAVAILABLE";
    await connect();
    expect(await stateOf()).toMatchObject({ ConnectionErrorCode: "XKS_PROXY_NOT_REACHABLE" });
    await disconnect();
  });

  it("holds no key before it is connected", async () => {
    const create = kms.createKey({ Origin: "EXTERNAL_KEY_STORE", CustomKeyStoreId: storeId, XksKeyId: "one" });
    expect((await refusal(create)).name).toBe("CustomKeyStoreInvalidStateException");
    await connect();
    expect(await stateOf()).toMatchObject({ ConnectionState: "CONNECTED" });
    expect((await refusal(kms.deleteCustomKeyStore({ CustomKeyStoreId: storeId }))).name).toBe(
      "CustomKeyStoreInvalidStateException",
    );
  });

  it("holds symmetric keys over external AES keys, one each", async () => {
    const KeyId = await newKey("key-1");
    const { KeyMetadata } = await kms.describeKey({ KeyId });
    expect(KeyMetadata).toMatchObject({
      KeyState: "Enabled",
      Origin: "EXTERNAL_KEY_STORE",
      CustomKeyStoreId: storeId,
      XksKeyConfiguration: { Id: "key-1" },
      KeySpec: "SYMMETRIC_DEFAULT",
    });
    expect(KeyMetadata).not.toHaveProperty("CurrentKeyMaterialId");
    const asked = lastRequest("/keys/key-1/metadata").body["requestMetadata"];
    expect(asked).toMatchObject({ kmsOperation: "CreateKey" });
    expect(asked).not.toHaveProperty("kmsKeyArn");
    const place = { Origin: "EXTERNAL_KEY_STORE", CustomKeyStoreId: storeId } as const;
    proxy.keys.set("disabled", { key: randomBytes(32), enabled: false, spec: "AES_256" });
    proxy.keys.set("short", { key: randomBytes(16), enabled: true, spec: "AES_128" });
    proxy.keys.set("fresh", { key: randomBytes(32), enabled: true, spec: "AES_256" });
    const fresh = { ...place, XksKeyId: "fresh" };
    for (const [creation, name] of [
      [{ ...place, XksKeyId: "key-1" }, "XksKeyAlreadyInUseException"],
      [{ ...place, XksKeyId: "absent" }, "XksKeyNotFoundException"],
      [{ ...place, XksKeyId: ".." }, "XksKeyNotFoundException"],
      [{ ...place, XksKeyId: "disabled" }, "XksKeyInvalidConfigurationException"],
      [{ ...place, XksKeyId: "short" }, "XksKeyInvalidConfigurationException"],
      [place, "ValidationException"],
      [{ XksKeyId: "fresh" }, "ValidationException"],
      [{ Origin: "EXTERNAL_KEY_STORE", XksKeyId: "fresh" }, "ValidationException"],
      [{ ...fresh, Origin: "AWS_CLOUDHSM" }, "ValidationException"],
      [{ ...fresh, CustomKeyStoreId: "cks-00000000000000000" }, "CustomKeyStoreNotFoundException"],
      [{ ...fresh, KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" }, "UnsupportedOperationException"],
      [{ ...fresh, MultiRegion: true }, "UnsupportedOperationException"],
    ] as const) {
      expect([creation, (await refusal(kms.createKey(creation))).name]).toEqual([creation, name]);
    }
  });

  it("encrypts twice: neither key alone opens a ciphertext", async () => {
    const KeyId = await newKey("key-2");
    const EncryptionContext = { app: "payroll", long: "x".repeat(7000) };
    const Plaintext = randomBytes(4096);
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext, EncryptionContext });
    const asked = lastRequest("/keys/key-2/encrypt").body as Record<string, string>;
    expect(asked["requestMetadata"]).toMatchObject({
      awsPrincipalArn: expect.stringMatching(/user\/administrator$/),
      kmsKeyArn: expect.stringContaining(KeyId),
      kmsOperation: "Encrypt",
    });
    const inner = Buffer.from(asked["plaintext"] as string, "base64");
    expect(inner.length).toBe(Plaintext.length + 78);
    expect(inner.includes(Plaintext.subarray(0, 32))).toBe(false);
    // What a proxy has seen opens nothing here.
    expect((await refusal(kms.decrypt({ CiphertextBlob: inner, KeyId, EncryptionContext }))).name).toBe(
      "InvalidCiphertextException",
    );
    const opened = await kms.decrypt({ CiphertextBlob, EncryptionContext });
    expect(Buffer.from(opened.Plaintext as Uint8Array).equals(Plaintext)).toBe(true);
    expect(opened).not.toHaveProperty("KeyMaterialId");
    // The proxy itself refuses another context (its specification: KMSInvalidStateException), or an edited ciphertext.
    const other = { ...EncryptionContext, app: "other" };
    expect((await refusal(kms.decrypt({ CiphertextBlob, EncryptionContext: other }))).name).toBe(
      "KMSInvalidStateException",
    );
    const edited = (CiphertextBlob as Uint8Array).with(-1, ((CiphertextBlob as Uint8Array).at(-1) as number) ^ 1);
    expect((await refusal(kms.decrypt({ CiphertextBlob: edited, EncryptionContext }))).name).toBe(
      "KMSInvalidStateException",
    );
    const cut = (CiphertextBlob as Uint8Array).subarray(0, 60);
    expect((await refusal(kms.decrypt({ CiphertextBlob: cut, EncryptionContext }))).name).toBe(
      "InvalidCiphertextException",
    );
  });

  it("makes data keys, and moves ciphertexts in and out by ReEncrypt", async () => {
    const KeyId = await newKey("key-3");
    const ordinary = (await kms.createKey({})).KeyMetadata?.KeyId as string;
    const { Plaintext, CiphertextBlob } = await kms.generateDataKey({ KeyId, KeySpec: "AES_256" });
    expect((await kms.decrypt({ CiphertextBlob, KeyId })).Plaintext).toEqual(Plaintext);
    const out = await kms.reEncrypt({ CiphertextBlob, DestinationKeyId: ordinary });
    expect((await kms.decrypt({ CiphertextBlob: out.CiphertextBlob, KeyId: ordinary })).Plaintext).toEqual(Plaintext);
    const back = await kms.reEncrypt({
      CiphertextBlob: out.CiphertextBlob,
      DestinationKeyId: KeyId,
      DestinationEncryptionContext: { a: "b" },
    });
    expect(back).not.toHaveProperty("DestinationKeyMaterialId");
    const opened = await kms.decrypt({ CiphertextBlob: back.CiphertextBlob, EncryptionContext: { a: "b" } });
    expect(opened).toMatchObject({ Plaintext, KeyId: expect.stringContaining(KeyId) });
    const hidden = await kms.generateDataKeyWithoutPlaintext({ KeyId, NumberOfBytes: 1024 });
    expect((await kms.decrypt({ CiphertextBlob: hidden.CiphertextBlob })).Plaintext).toHaveLength(1024);
  });

  it("neither rotates its keys nor makes data key pairs nor random bytes", async () => {
    const KeyId = await newKey("key-4");
    const refusals = await Promise.all([
      refusal(kms.enableKeyRotation({ KeyId })),
      refusal(kms.disableKeyRotation({ KeyId })),
      refusal(kms.rotateKeyOnDemand({ KeyId })),
      refusal(kms.getKeyRotationStatus({ KeyId })),
      refusal(kms.listKeyRotations({ KeyId })),
      refusal(kms.generateDataKeyPair({ KeyId, KeyPairSpec: "ECC_NIST_P256" })),
      refusal(kms.generateRandom({ NumberOfBytes: 8, CustomKeyStoreId: storeId })),
    ]);
    expect(refusals.map(({ name }) => name)).toEqual(refusals.map(() => "UnsupportedOperationException"));
  });

  it.each<[string, Fault]>([
    ["slow", { kind: "slow", delay: 5000 }],
    ["broken", { kind: "broken" }],
    ["of a wrong tag", { kind: "wrong tag" }],
    ["throttling", { kind: "error", status: 429, errorName: "ThrottlingException" }],
    ["without the key", { kind: "error", status: 404, errorName: "KeyNotFoundException" }],
    ["of an error that nobody knows", { kind: "error", status: 418, errorName: "TeapotException" }],
  ])("answers KMSInvalidStateException while its proxy is %s, and serves again after", async (_, fault) => {
    const KeyId = await newKey(`key-${fault.kind.replace(" ", "-")}-${proxy.keys.size}`);
    proxy.faults.set("encrypt", fault);
    expect((await refusal(kms.encrypt({ KeyId, Plaintext: text("a") }))).name).toBe("KMSInvalidStateException");
    proxy.faults.clear();
    await kms.encrypt({ KeyId, Plaintext: text("a") });
  });

  it("takes no other bytes for what was encrypted, and tries a cut connection once more", async () => {
    const KeyId = await newKey("key-5");
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: text("a") });
    proxy.faults.set("decrypt", { kind: "wrong plaintext" });
    expect((await refusal(kms.decrypt({ CiphertextBlob }))).name).toBe("KMSInvalidStateException");
    proxy.faults.clear();
    proxy.faults.set("decrypt", { kind: "cut once" });
    expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(text("a"));
  });

  it("rotates its credential while it is connected", async () => {
    const KeyId = await newKey("key-6");
    const next = newCredential();
    const update = (): Promise<unknown> =>
      kms.updateCustomKeyStore({
        CustomKeyStoreId: storeId,
        XksProxyAuthenticationCredential: { AccessKeyId: next.accessKeyId, RawSecretAccessKey: next.secretAccessKey },
      });
    expect((await refusal(update())).name).toBe("XksProxyIncorrectAuthenticationCredentialException");
    proxy.credentials.push(next);
    await update();
    proxy.credentials.splice(0, proxy.credentials.length, next);
    await kms.encrypt({ KeyId, Plaintext: text("a") });
    expect((await stateOf())?.XksProxyConfiguration?.AccessKeyId).toBe(next.accessKeyId);
    const moved = kms.updateCustomKeyStore({ CustomKeyStoreId: storeId, XksProxyUriEndpoint: "https://closed.test" });
    expect((await refusal(moved)).name).toBe("CustomKeyStoreInvalidStateException");
    const password = kms.updateCustomKeyStore({ CustomKeyStoreId: storeId, KeyStorePassword: "password" });
    expect((await refusal(password)).name).toBe("ValidationException");
    await kms.updateCustomKeyStore({ CustomKeyStoreId: storeId, NewCustomKeyStoreName: "renamed" });
    const { CustomKeyStores } = await kms.describeCustomKeyStores({ CustomKeyStoreName: "renamed" });
    expect(CustomKeyStores).toHaveLength(1);
    expect((await refusal(kms.describeCustomKeyStores({ CustomKeyStoreName: "external" }))).name).toBe(
      "CustomKeyStoreNotFoundException",
    );
  });

  it("keeps its credential under the domain keys that live", async () => {
    const KeyId = await newKey("key-9");
    // Rotated and wrapped anew, out of use, destroyed.
    for (const days of [2, 1, 8]) await service.dev("/dev/clock", { advanceSeconds: days * 86_400 });
    // Another record: the signing key is derived anew.
    await kms.updateCustomKeyStore({ CustomKeyStoreId: storeId, NewCustomKeyStoreName: "renamed again" });
    await kms.encrypt({ KeyId, Plaintext: text("a") });
  });

  it("takes its keys along when it is disconnected, and brings them back", async () => {
    const KeyId = await newKey("key-7");
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: text("a") });
    await disconnect();
    expect((await kms.describeKey({ KeyId })).KeyMetadata).toMatchObject({ KeyState: "Unavailable", Enabled: false });
    expect((await refusal(kms.decrypt({ CiphertextBlob }))).name).toBe("KMSInvalidStateException");
    // Both are taken, and shown once it is back.
    await kms.disableKey({ KeyId });
    expect((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState).toBe("Unavailable");
    await connect();
    expect((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState).toBe("Disabled");
    await kms.enableKey({ KeyId });
    expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(text("a"));
  });

  it("is deleted when its last key is, and not before", async () => {
    const KeyId = await newKey("key-8");
    await disconnect();
    const remove = () => kms.deleteCustomKeyStore({ CustomKeyStoreId: storeId });
    expect((await refusal(remove())).name).toBe("CustomKeyStoreHasCMKsException");
    const { Keys } = await kms.listKeys({});
    const described = await Promise.all(
      (Keys ?? []).map(async ({ KeyId }) => (await kms.describeKey({ KeyId: KeyId as string })).KeyMetadata),
    );
    const inside = described.filter((key) => key?.CustomKeyStoreId === storeId);
    for (const key of inside) await kms.scheduleKeyDeletion({ KeyId: key?.KeyId, PendingWindowInDays: 7 });
    expect((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState).toBe("PendingDeletion");
    expect((await refusal(remove())).name).toBe("CustomKeyStoreHasCMKsException");
    await service.dev("/dev/clock", { advanceSeconds: 8 * 86_400 });
    await remove();
    expect((await kms.describeCustomKeyStores({})).CustomKeyStores).toEqual([]);
    expect((await refusal(remove())).name).toBe("CustomKeyStoreNotFoundException");
  });

  it("is told of with every use, in the audit log", () => {
    const [log] = readdirSync(join(home, "audit")).filter((name) => name.endsWith(".jsonl"));
    const events = readFileSync(join(home, "audit", log as string), "utf8")
      .split("\n")
      .filter(Boolean);
    const named = (name: string) => events.filter((event) => event.includes(`"eventName":"${name}"`));
    const uses = named("Encrypt").filter((event) => event.includes('"xksKeyId":"key-2"'));
    expect(uses).toHaveLength(1);
    expect(uses[0]).toContain(`"customKeyStoreId":"${storeId}"`);
    expect(named("CreateCustomKeyStore").some((event) => event.includes(storeId))).toBe(true);
    expect(named("ConnectCustomKeyStore").length).toBeGreaterThan(5);
  });

  it("leaves neither its credentials nor its secrets in log, audit or store", () => {
    const files = [
      join(home, "store.db"),
      ...readdirSync(join(home, "audit")).map((name) => join(home, "audit", name)),
    ];
    for (const file of files.filter((name) => !name.endsWith(".lock"))) {
      expect(readFileSync(file).includes(credential.secretAccessKey)).toBe(false);
    }
    expect(service.log()).not.toContain(credential.secretAccessKey);
  });
});
