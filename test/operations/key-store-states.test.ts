import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConnectionState } from "../../src/model/custom-key-store.ts";
import { newCredential, type ProxyServer, prefix, startProxy } from "../xks/proxy-server.ts";
import { type Answer, type Ask, type Office, openOffice, refused } from "./office.ts";

const invalidState = "CustomKeyStoreInvalidStateException";

describe("custom key stores", () => {
  let proxy: ProxyServer;
  let office: Office;
  let admin: Ask;
  const credential = newCredential();

  beforeAll(async () => {
    proxy = await startProxy();
    proxy.credentials.push(credential);
    const route = { address: { host: "127.0.0.1", port: proxy.port }, ca: proxy.ca, timeout: 20_000 };
    office = await openOffice({ keyStores: { proxies: { localhost: route }, clusters: {} } });
    admin = office.admin;
  }, 60_000);
  afterAll(async () => {
    await office.close();
    await proxy.close();
  });

  const { accessKeyId: AccessKeyId, secretAccessKey: RawSecretAccessKey } = credential;
  const create = (n: number): Promise<Answer> =>
    admin("CreateCustomKeyStore", {
      CustomKeyStoreName: `store ${n}`,
      CustomKeyStoreType: "EXTERNAL_KEY_STORE",
      XksProxyUriEndpoint: "https://localhost",
      XksProxyUriPath: prefix.replace("room", `room${n}`),
      XksProxyConnectivity: "PUBLIC_ENDPOINT",
      XksProxyAuthenticationCredential: { AccessKeyId, RawSecretAccessKey },
    });
  const describeStore = async (CustomKeyStoreId: string): Promise<Answer> =>
    (await admin("DescribeCustomKeyStores", { CustomKeyStoreId }))["CustomKeyStores"][0];
  const stateOf = async (id: string): Promise<ConnectionState> => (await describeStore(id))["ConnectionState"];

  /** In the state, by the calls that lead to it. */
  const storeIn = async (n: number, state: ConnectionState): Promise<string> => {
    const { CustomKeyStoreId } = await create(n);
    if (state === "DISCONNECTED") return CustomKeyStoreId;
    await admin("ConnectCustomKeyStore", { CustomKeyStoreId });
    if (state === "CONNECTING") return CustomKeyStoreId;
    if (state === "FAILED") proxy.health = "UNAVAILABLE";
    await office.settleKeyStores();
    proxy.health = "ACTIVE";
    if (state === "DISCONNECTING") await admin("DisconnectCustomKeyStore", { CustomKeyStoreId });
    return CustomKeyStoreId;
  };

  const states = ["DISCONNECTED", "CONNECTED", "FAILED", "DISCONNECTING", "CONNECTING"] as const;
  const ids = new Map<ConnectionState, string>();

  it("are connected and disconnected after the calls that ask for it have been answered", async () => {
    for (const [n, state] of states.entries()) ids.set(state, await storeIn(n, state));
    for (const [state, id] of ids) expect(await stateOf(id)).toBe(state);
    expect((await describeStore(ids.get("FAILED") as string))["ConnectionErrorCode"]).toBe("XKS_PROXY_NOT_REACHABLE");
  });

  const refusals: Readonly<Record<string, { request?: object; refusedIn: readonly ConnectionState[] }>> = {
    UpdateCustomKeyStore: {
      request: { XksProxyUriEndpoint: "https://localhost", NewCustomKeyStoreName: "never" },
      refusedIn: ["CONNECTED", "CONNECTING", "DISCONNECTING", "FAILED"],
    },
    DeleteCustomKeyStore: { refusedIn: ["CONNECTED", "CONNECTING", "DISCONNECTING", "FAILED"] },
    ConnectCustomKeyStore: { refusedIn: ["DISCONNECTING", "FAILED"] },
    DisconnectCustomKeyStore: { refusedIn: ["DISCONNECTED", "DISCONNECTING"] },
    CreateKey: {
      request: { Origin: "EXTERNAL_KEY_STORE", XksKeyId: "absent" },
      refusedIn: ["DISCONNECTED", "CONNECTING", "DISCONNECTING", "FAILED"],
    },
  };

  it.each(Object.entries(refusals))("refuse %s in the states that AWS names", async (operation, given) => {
    for (const state of given.refusedIn) {
      const CustomKeyStoreId = ids.get(state);
      const asked = refused(admin(operation, { CustomKeyStoreId, ...given.request }));
      expect([state, await asked]).toEqual([state, invalidState]);
      expect(await stateOf(CustomKeyStoreId as string)).toBe(state);
    }
  });

  it("take another name in every state, and describe themselves", async () => {
    for (const [state, CustomKeyStoreId] of ids) {
      await admin("UpdateCustomKeyStore", { CustomKeyStoreId, NewCustomKeyStoreName: `in ${state}` });
      expect(await describeStore(CustomKeyStoreId)).toMatchObject({
        CustomKeyStoreName: `in ${state}`,
        ConnectionState: state,
      });
    }
  });

  it("stay connected, or on their way, when they are asked to connect again", async () => {
    for (const state of ["CONNECTED", "CONNECTING"] as const) {
      const CustomKeyStoreId = ids.get(state) as string;
      await admin("ConnectCustomKeyStore", { CustomKeyStoreId });
      expect(await stateOf(CustomKeyStoreId)).toBe(state);
    }
  });

  it("end what was begun, though nothing remembers it, and say so in the audit log", async () => {
    await office.settleKeyStores();
    expect(await stateOf(ids.get("CONNECTING") as string)).toBe("CONNECTED");
    expect(await stateOf(ids.get("DISCONNECTING") as string)).toBe("DISCONNECTED");
    const log = readFileSync(join(office.site.premises.audit.directory, "service.jsonl"), "utf8");
    const events = log.split("\n").filter((line) => line.includes('"eventType":"AwsServiceEvent"'));
    const told = (name: string, state: string) =>
      events.some((line) => line.includes(`"eventName":"${name}"`) && line.includes(`"connectionState":"${state}"`));
    expect(told("ConnectCustomKeyStore", "CONNECTED")).toBe(true);
    expect(told("ConnectCustomKeyStore", "FAILED")).toBe(true);
    expect(told("DisconnectCustomKeyStore", "DISCONNECTED")).toBe(true);
    const asked = proxy.requests.filter(({ path }) => path.endsWith("/health"));
    const [connecting] = asked.filter(({ body }) => JSON.stringify(body).includes("ConnectCustomKeyStore"));
    const { kmsRequestId } = connecting?.body["requestMetadata"] ?? { kmsRequestId: "none" };
    expect(events.some((line) => line.includes(kmsRequestId))).toBe(true);
  });

  it("can be disconnected while they connect", async () => {
    const CustomKeyStoreId = ids.get("DISCONNECTED") as string;
    await admin("ConnectCustomKeyStore", { CustomKeyStoreId });
    await admin("DisconnectCustomKeyStore", { CustomKeyStoreId });
    expect(await stateOf(CustomKeyStoreId)).toBe("DISCONNECTING");
    await office.settleKeyStores();
    expect(await stateOf(CustomKeyStoreId)).toBe("DISCONNECTED");
  });

  it("keep a connection from being made that was broken off meanwhile", async () => {
    const CustomKeyStoreId = ids.get("DISCONNECTED") as string;
    await admin("ConnectCustomKeyStore", { CustomKeyStoreId });
    const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    proxy.faults.set("health", { kind: "held", until: released.promise, asked: asked.resolve });
    const settled = office.settleKeyStores();
    await asked.promise;
    await admin("DisconnectCustomKeyStore", { CustomKeyStoreId });
    released.resolve();
    await settled;
    proxy.faults.clear();
    expect(await stateOf(CustomKeyStoreId)).toBe("DISCONNECTED");
  });

  it("make their keys unavailable in every state but CONNECTED", async () => {
    const CustomKeyStoreId = ids.get("CONNECTED") as string;
    proxy.keys.set("key", { key: Buffer.alloc(32, 1), enabled: true, spec: "AES_256" });
    const KeyId = await office.newKey({ Origin: "EXTERNAL_KEY_STORE", CustomKeyStoreId, XksKeyId: "key" });
    const shown = async () => {
      const { KeyState } = (await admin("DescribeKey", { KeyId }))["KeyMetadata"];
      const used = await refused(admin("Encrypt", { KeyId, Plaintext: btoa("a") }));
      return [await stateOf(CustomKeyStoreId), KeyState, used];
    };
    const unavailable = (state: ConnectionState) => [state, "Unavailable", "KMSInvalidStateException"];
    const step = async (operation: string) => {
      await admin(operation, { CustomKeyStoreId });
      const before = await shown();
      await office.settleKeyStores();
      return [before, await shown()];
    };
    expect(await shown()).toEqual(["CONNECTED", "Enabled", "answered"]);
    expect(await step("DisconnectCustomKeyStore")).toEqual([unavailable("DISCONNECTING"), unavailable("DISCONNECTED")]);
    proxy.health = "UNAVAILABLE";
    expect(await step("ConnectCustomKeyStore")).toEqual([unavailable("CONNECTING"), unavailable("FAILED")]);
    proxy.health = "ACTIVE";
    await step("DisconnectCustomKeyStore");
    expect(await step("ConnectCustomKeyStore")).toEqual([
      unavailable("CONNECTING"),
      ["CONNECTED", "Enabled", "answered"],
    ]);
  });

  it("are ten at most", async () => {
    for (let n = states.length; n < 10; n++) await create(n);
    expect(await refused(create(10))).toBe("LimitExceededException");
    const { CustomKeyStores } = await admin("DescribeCustomKeyStores");
    expect(CustomKeyStores).toHaveLength(10);
    await admin("DeleteCustomKeyStore", { CustomKeyStoreId: ids.get("DISCONNECTED") });
    expect(await refused(create(10))).toBe("answered");
  });
});
