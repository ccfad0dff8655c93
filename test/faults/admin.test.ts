import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout, removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { auditLines } from "./ledger.ts";
import { until } from "./load.ts";

const day = 86_400;

describe("the admin listener of a dev service", () => {
  const home = temporaryHome();
  let service: Service;
  let token: string;

  beforeAll(async () => {
    service = await startService(home);
    token = readFileSync(join(home, "dev-token"), "utf8");
  }, 120_000);
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  interface Answer {
    readonly status: number | undefined;
    readonly type: string | undefined;
    readonly body: unknown;
  }

  /** node:http sends the headers that it is given, Host among them. */
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body = "{}"): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const asked = request(`${service.admin}${path}`, { method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => {
          resolve({ status: response.statusCode, type: response.headers["content-type"], body: JSON.parse(text) });
        });
      });
      asked.on("error", reject).end(method === "POST" ? body : undefined);
    });

  const bearer = () => ({ Authorization: `Bearer ${token}` });

  it("tells in JSON that the service lives, and that each of its parts works", async () => {
    const type = "application/json";
    expect(await ask("GET", "/healthz")).toEqual({ status: 200, type, body: { ok: true } });
    const checks = { store: "ok", hsm: "ok", audit: "ok" };
    expect(await ask("GET", "/readyz")).toEqual({ status: 200, type, body: { ok: true, checks } });
  });

  it.each(["/dev/reset", "/dev/clock"])("does not do %s for a stranger or a web page", async (path) => {
    const { KeyMetadata } = await service.client().createKey();
    const host = new URL(service.admin).host;
    const far = JSON.stringify({ advanceSeconds: 400 * day });
    const refusals: readonly [number, Record<string, string>][] = [
      [401, {}],
      [401, { Authorization: `Bearer ${token.replace(/./g, "0")}` }],
      [401, { Authorization: token }],
      [403, { ...bearer(), Host: "strongroom.example" }],
      [403, { ...bearer(), Host: `${host}0` }],
      [403, { ...bearer(), Origin: "https://strongroom.example" }],
      [403, { ...bearer(), Origin: "null" }],
    ];
    for (const [status, headers] of refusals) {
      expect([(await ask("POST", path, headers, far)).status, headers]).toEqual([status, headers]);
    }
    expect((await ask("GET", path, bearer())).status).toBe(404);
    const keys = (await service.client().listKeys()).Keys?.map(({ KeyId }) => KeyId);
    expect(keys).toContain(KeyMetadata?.KeyId);
  });

  it("forgets keys, aliases and users at a reset, even while clients are at work, and keeps the administrator", async () => {
    const kms = service.client();
    const strongroom = (...command: readonly string[]): string =>
      execFileSync(join(checkout, "scripts/strongroom"), [...command, "--home", home], { encoding: "utf8" });
    strongroom("iam", "create-user", "--user-name", "alice");
    const alice = service.client(JSON.parse(strongroom("iam", "create-access-key", "--user-name", "alice")));
    await expect(alice.listKeys()).rejects.toMatchObject({ name: "AccessDeniedException" });
    const old = (await kms.createKey()).KeyMetadata?.KeyId as string;
    const { CiphertextBlob } = await kms.encrypt({ KeyId: old, Plaintext: Uint8Array.of(1) });
    await kms.createAlias({ AliasName: "alias/same", TargetKeyId: old });
    await kms.scheduleKeyDeletion({ KeyId: (await kms.createKey()).KeyMetadata?.KeyId });

    const listed = async () => ((await kms.listKeys()).Keys ?? []).length;
    const before = await listed();
    const busy = Array.from({ length: 8 }, async () => {
      const KeyId = (await kms.createKey()).KeyMetadata?.KeyId;
      for (let i = 0; ; i++) await kms.updateKeyDescription({ KeyId, Description: `${i}` });
    });
    const gone = Promise.allSettled(busy);
    await until(async () => (await listed()) === before + 8, "clients are at work");
    expect((await service.dev("/dev/reset")).status).toBe(200);
    for (const end of await gone) expect(end).toMatchObject({ reason: { name: "NotFoundException" } });
    expect((await service.dev("/dev/reset")).status).toBe(200);

    expect([(await kms.listKeys()).Keys, (await kms.listAliases()).Aliases]).toEqual([[], []]);
    await expect(kms.describeKey({ KeyId: old })).rejects.toMatchObject({ name: "NotFoundException" });
    await expect(kms.decrypt({ CiphertextBlob })).rejects.toMatchObject({ name: "AccessDeniedException" });
    await expect(alice.listKeys()).rejects.toMatchObject({ name: "UnrecognizedClientException" });
    const { KeyMetadata } = await kms.createKey();
    await kms.createAlias({ AliasName: "alias/same", TargetKeyId: KeyMetadata?.KeyId });
    expect((await kms.describeKey({ KeyId: "alias/same" })).KeyMetadata?.KeyId).toBe(KeyMetadata?.KeyId);
  }, 60_000);

  it("moves the time that states go by, and not the time of signatures", async () => {
    const kms = service.client();
    const [due, cancelled] = await Promise.all([kms.createKey(), kms.createKey()]);
    const ids = [due, cancelled].map(({ KeyMetadata }) => KeyMetadata?.KeyId as string) as [string, string];
    await kms.createAlias({ AliasName: "alias/due", TargetKeyId: ids[0] });
    await Promise.all(ids.map((KeyId) => kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })));
    expect((await service.dev("/dev/clock", { advanceSeconds: 6 * day })).status).toBe(200);
    await kms.cancelKeyDeletion({ KeyId: ids[1] });
    expect((await kms.describeKey({ KeyId: ids[0] })).KeyMetadata?.KeyState).toBe("PendingDeletion");
    expect((await service.dev("/dev/clock", { advanceSeconds: day + 1 })).status).toBe(200);
    for (const KeyId of [ids[0], "alias/due"]) {
      await expect(kms.describeKey({ KeyId })).rejects.toMatchObject({ name: "NotFoundException" });
    }
    const described = (await kms.describeKey({ KeyId: ids[1] })).KeyMetadata;
    expect(described?.KeyState).toBe("Disabled");
    const { KeyMetadata, $metadata } = await kms.createKey();
    const made = KeyMetadata?.CreationDate as Date;
    expect(made.getTime()).toBeGreaterThan(Date.now() + 6.9 * day * 1000);
    const events = auditLines(home);
    expect(events.filter(({ eventName }) => eventName === "DeleteKey")).toHaveLength(1);
    const event = events.find(({ requestID }) => requestID === $metadata.requestId);
    expect(event?.additionalEventData?.["serviceTime"]).toBe(made.toISOString());
  }, 60_000);

  it.each([
    { advanceSeconds: -1 },
    { advanceSeconds: 2 ** 53 - 1 },
    { advanceSeconds: 0.5 },
    { advanceSeconds: "7" },
    {},
  ])("does not move the time by %j", async (body) => {
    expect((await ask("POST", "/dev/clock", bearer(), JSON.stringify(body))).status).toBe(400);
  });
});
