import { request as httpRequest } from "node:http";
import { createConnection } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type AdminOptions, listenAdmin } from "../../src/server/admin.ts";
import type { Listener } from "../../src/server/lifecycle.ts";

let admin: Listener | undefined;
const log: string[] = [];
afterEach(() => admin?.close(0));

async function start(options: Partial<AdminOptions> = {}): Promise<void> {
  log.length = 0;
  admin = await listenAdmin({
    host: "127.0.0.1",
    port: 0,
    ready: async () => ({ ok: true, checks: { hsm: "ok" } }),
    writeLog: (line) => log.push(line),
    ...options,
  });
}

/** `fetch` would not let a test choose Host and Origin. */
async function call(method: string, path: string, headers: Record<string, string> = {}, body = "") {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>();
  httpRequest(`${admin?.url}${path}`, { method, headers }, async (response) => {
    const text = Buffer.concat(await response.toArray()).toString();
    resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
  })
    .on("error", reject)
    .end(body);
  return promise;
}

const token = "dev-token-of-the-home-folder";
const bearer = { Authorization: `Bearer ${token}` };

/** Records what it was told to do. */
function controls() {
  const done: unknown[] = [];
  const dev = {
    token,
    reset: async () => void done.push("reset"),
    advanceClock: async (seconds: number) => void done.push(seconds),
  };
  return { done, dev };
}

describe("the admin listener", () => {
  it.each(["0.0.0.0", "::", "192.0.2.1", "example.org", "localhost", ""])("refuses to be on %j", async (host) => {
    await expect(listenAdmin({ host, port: 0, ready: async () => ({ ok: true, checks: {} }) })).rejects.toThrow(
      "the admin listener must be on 127.0.0.1 or ::1",
    );
  });

  it("says that it lives", async () => {
    await start();
    expect(await call("GET", "/healthz")).toEqual({ status: 200, body: { ok: true } });
  });

  it("says whether the service is ready, and why not", async () => {
    const checks = { hsm: "unavailable", store: "ok" };
    await start({ ready: async () => ({ ok: false, checks }) });
    expect(await call("GET", "/readyz")).toEqual({ status: 503, body: { ok: false, checks } });
    await admin?.close(0);
    await start();
    expect(await call("GET", "/readyz")).toEqual({ status: 200, body: { ok: true, checks: { hsm: "ok" } } });
  });

  it("answers a failure without its words", async () => {
    await start({ ready: () => Promise.reject(new TypeError("words")) });
    expect(await call("GET", "/readyz")).toEqual({ status: 500, body: { error: "internal error" } });
    expect(log).toHaveLength(1);
    expect(log[0]).not.toContain("words");
  });

  it.each([
    ["GET", "/"],
    ["POST", "/healthz"],
    ["GET", "/healthz?x"],
    ["POST", "/dev/reset"],
    ["POST", "/dev/clock"],
  ])("has no %s %s outside of dev", async (method, path) => {
    await start();
    expect(await call(method, path, bearer)).toEqual({ status: 404, body: { error: "not found" } });
  });

  it.each([
    { Host: "evil.example:80" },
    { Host: "127.0.0.1" },
    { Host: "127.0.0.1:1" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "http://127.0.0.1:1" },
  ])("refuses a request for another place or from one: %j", async (headers) => {
    await start({ dev: controls().dev });
    for (const [method, path] of [
      ["GET", "/healthz"],
      ["POST", "/dev/reset"],
    ] as const) {
      expect((await call(method, path, { ...bearer, ...(headers as Record<string, string>) })).status).toBe(403);
    }
  });

  it("accepts the names of loopback with its port, and its own origin", async () => {
    await start();
    const { port } = new URL((admin as Listener).url);
    for (const name of ["127.0.0.1", "localhost", "[::1]"]) {
      const headers = { Host: `${name}:${port}`, Origin: `http://${name}:${port}` };
      expect((await call("GET", "/healthz", headers)).status).toBe(200);
    }
  });

  it("cuts off a client that is slow with its headers", async () => {
    await start({ limits: { headersTimeout: 100, connectionsCheckingInterval: 20 } });
    const socket = createConnection(Number(new URL((admin as Listener).url).port), "127.0.0.1");
    socket.resume().write("GET /healthz HTTP/1.1\r\n");
    await new Promise((resolve) => socket.on("close", resolve));
  });
});

describe("the controls of dev", () => {
  it("need their bearer token", async () => {
    const { done, dev } = controls();
    await start({ dev });
    for (const authorization of [
      undefined,
      "",
      token,
      "Bearer ",
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}x`,
      `bearer ${token}`,
    ]) {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      expect((await call("POST", "/dev/reset", headers as Record<string, string>)).status).toBe(401);
    }
    expect(done).toEqual([]);
  });

  it("reset, and move the clock forward", async () => {
    const { done, dev } = controls();
    await start({ dev });
    expect(await call("POST", "/dev/reset", bearer)).toEqual({ status: 200, body: { ok: true } });
    expect((await call("POST", "/dev/clock", bearer, '{"advanceSeconds":86400}')).status).toBe(200);
    expect(done).toEqual(["reset", 86400]);
  });

  it.each([
    "{}",
    '{"advanceSeconds":-1}',
    '{"advanceSeconds":"1"}',
    '{"advanceSeconds":1.5}',
    '{"advanceSeconds":1e300}',
    "[]",
    "x",
  ])("refuse %s", async (body) => {
    const { done, dev } = controls();
    await start({ dev });
    expect((await call("POST", "/dev/clock", bearer, body)).status).toBe(400);
    expect(done).toEqual([]);
  });

  it("take 4 KiB", async () => {
    const { dev } = controls();
    await start({ dev });
    expect((await call("POST", "/dev/clock", bearer, " ".repeat(4097))).status).toBe(413);
  });
});
