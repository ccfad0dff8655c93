import { createServer } from "node:http";
import { connect as connectTcp } from "node:net";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { start } from "../../src/server/lifecycle.ts";
import { ServerLog } from "../../src/server/log.ts";
import { startService } from "./service.ts";
import { sign } from "./signer.ts";
import { dial, drain, parseReply, readReply, requestText } from "./wire-client.ts";

describe("a server that cannot accept a connection", () => {
  it("says so and goes on", async () => {
    const server = createServer();
    const lines: Record<string, unknown>[] = [];
    const log = new ServerLog(systemClock, (line) => lines.push(JSON.parse(line)));
    const { close } = await start(server, { scheme: "http", host: "127.0.0.1", port: 0, maxConnections: 1, log });
    server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
    expect(lines).toMatchObject([{ event: "failure", code: "EMFILE" }]);
    await close(0);
  });
});

describe("a service that stops", () => {
  it("answers what is in flight, closes those connections and the idle ones, and accepts none", async () => {
    const release = Promise.withResolvers<undefined>();
    let performing = 0;
    const service = await startService(async (operation) => {
      if (operation === "ListKeys") return {};
      performing++;
      await release.promise;
      return { done: true };
    });
    const idle = await dial(service.url);
    idle.write(requestText(sign(service.host, "ListKeys")));
    expect((await readReply(idle)).headers["connection"]).toBe("keep-alive");
    const busy = await dial(service.url);
    const answer = drain(busy);
    busy.write(requestText(sign(service.host, "Encrypt")));
    await expect.poll(() => performing).toBe(1);

    const stopped = service.close(5_000);
    await new Promise((resolve) => idle.once("close", resolve));
    await expect(dial(service.url)).rejects.toThrow("ECONNREFUSED");
    release.resolve(undefined);
    const reply = parseReply(await answer);
    expect(reply).toMatchObject({ status: 200, headers: { connection: "close" }, body: '{"done":true}' });
    await stopped;
  });

  it("cuts off at its deadline what does not end", async () => {
    const service = await startService(() => new Promise(() => {}));
    const { hostname, port } = new URL(service.url);
    const silent = connectTcp(Number(port), hostname);
    const busy = await dial(service.url);
    const answer = drain(busy);
    busy.write(requestText(sign(service.host, "Encrypt")));
    await expect.poll(() => service.derivations.length).toBe(1);
    const started = performance.now();
    await service.close(200);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await answer).toBe("");
    silent.destroy();
  });

  it("fails to start on a port that is taken", async () => {
    const service = await startService();
    const port = Number(new URL(service.url).port);
    await expect(startService(undefined, { port })).rejects.toMatchObject({
      name: "ConfigError",
      message: `cannot listen on 127.0.0.1:${port}`,
      cause: { code: "EADDRINUSE" },
    });
    await service.close(0);
  });
});
