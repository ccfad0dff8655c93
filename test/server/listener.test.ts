import { connect as connectTcp } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuditError, HsmError, KmsError, StoreError } from "../../src/base/errors.ts";
import type { Caller } from "../../src/kms/caller.ts";
import { type Perform, type Service, startService } from "./service.ts";
import { sign } from "./signer.ts";
import { dial, drain, type Reply, readReply, requestText } from "./wire-client.ts";

/** Short ones, so that a test need not wait for them; the handshake comes before the others begin. */
const limits = {
  handshakeTimeout: 1_000,
  headersTimeout: 300,
  requestTimeout: 600,
  lingerTimeout: 100,
  connectionsCheckingInterval: 50,
};

let service: Service;
let hasty: Service;
let seen: Caller | undefined;
beforeAll(async () => {
  const perform: Perform = async (operation, caller) => {
    seen = caller;
    return operations[operation]?.();
  };
  service = await startService(perform, { limits: { lingerTimeout: limits.lingerTimeout } });
  hasty = await startService(perform, { limits });
});
afterAll(() => Promise.all([service.close(0), hasty.close(0)]));

const operations: Record<string, () => Record<string, unknown> | undefined> = {
  DisableKey: () => undefined,
  Encrypt: () => ({ CiphertextBlob: Uint8Array.of(1, 2, 3) }),
};

function fail(error: unknown): () => never {
  return () => {
    throw error;
  };
}

async function call(operation: string, options?: ConnectionOptions): Promise<Reply> {
  const socket = await dial(service.url, options);
  socket.write(requestText(sign(service.host, operation, { headers: [["User-Agent", "test/1"]] })));
  const reply = await readReply(socket);
  socket.destroy();
  return reply;
}

/** What comes back for these octets until the server closes, and how long that took. */
async function exchangeWith(
  { url }: Service,
  ...writes: readonly string[]
): Promise<{ text: string; milliseconds: number }> {
  const started = performance.now();
  const socket = await dial(url);
  socket.on("error", () => {});
  const answer = drain(socket);
  for (const text of writes) {
    socket.write(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { text: await answer, milliseconds: performance.now() - started };
}

const exchange = (...writes: readonly string[]) => exchangeWith(service, ...writes);

describe("an answer", () => {
  it("has the headers of AWS, and a length", async () => {
    const { status, headers, body } = await call("Encrypt");
    expect(status).toBe(200);
    expect(body).toBe('{"CiphertextBlob":"AQID"}');
    expect(headers).toMatchObject({
      "content-type": "application/x-amz-json-1.1",
      "content-length": "25",
      "cache-control": "no-cache, no-store, must-revalidate, private",
      expires: "0",
      pragma: "no-cache",
      connection: "keep-alive",
    });
    expect(headers["x-amzn-requestid"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(Math.abs(Date.parse(headers["date"] as string) - Date.now())).toBeLessThan(5000);
  });

  it("of an operation without one has an empty body", async () => {
    const { status, headers, body } = await call("DisableKey");
    expect({ status, length: headers["content-length"], body }).toEqual({ status: 200, length: "0", body: "" });
  });

  it("comes in order to requests that are sent together", async () => {
    const socket = await dial(service.url);
    const texts = ["Encrypt", "DisableKey", "Encrypt"].map((name) => requestText(sign(service.host, name)));
    socket.write(texts.join(""));
    let text = "";
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk) => {
        text += chunk;
        if (text.split("HTTP/1.1 200 OK").length === 4 && text.endsWith('{"CiphertextBlob":"AQID"}')) resolve();
      });
    });
    expect([...text.matchAll(/Content-Length: (\d+)/g)].map(([, length]) => length)).toEqual(["25", "0", "25"]);
    socket.destroy();
  });

  it("tells operations who called, and how", async () => {
    const { headers } = await call("Encrypt");
    expect(seen).toMatchObject({
      principal: { name: "alice" },
      region: "eu-central-1",
      requestId: headers["x-amzn-requestid"],
      address: "127.0.0.1",
      userAgent: "test/1",
      tls: {
        tlsVersion: "TLSv1.3",
        cipherSuite: "TLS_AES_256_GCM_SHA384",
        clientProvidedHostHeader: service.host,
        keyExchange: "X25519MLKEM768",
      },
    });
  });
});

describe("a failure", () => {
  const secretText = "octets of the request";
  it.each([
    [new KmsError("NotFoundException", "policy"), 400, "NotFoundException", "No such policy exists"],
    [new HsmError("unavailable", secretText), 500, "DependencyTimeoutException", /retry/],
    [new HsmError("unsupported", secretText), 400, "UnsupportedOperationException", /HSM/],
    [new HsmError("refused", secretText), 500, "KMSInternalException", /internal/],
    [new HsmError("internal", secretText), 500, "KMSInternalException", /internal/],
    [new StoreError("conflict", secretText), 500, "DependencyTimeoutException", /retry/],
    [new StoreError("unavailable", secretText), 500, "DependencyTimeoutException", /retry/],
    [new StoreError("corrupt", secretText), 500, "KMSInternalException", /internal/],
    [new AuditError(secretText), 500, "KMSInternalException", /internal/],
    [new TypeError(secretText), 500, "KMSInternalException", /internal/],
    [secretText, 500, "KMSInternalException", /internal/],
    [undefined, 500, "KMSInternalException", /internal/],
  ])("of %s is the answer of one request", async (error, status, type, message) => {
    operations["Fail"] = fail(error);
    const reply = await call("Fail");
    const body = JSON.parse(reply.body);
    expect(reply.status).toBe(status);
    expect(body.__type).toBe(type);
    expect(body.message).toMatch(message);
    expect(reply.body).not.toContain(secretText);
    expect((await call("Encrypt")).status).toBe(200);
  });

  it("that nobody foresaw is logged once: its name and place, and none of its words", async () => {
    const other = await startService(fail(new TypeError(secretText)));
    const socket = await dial(other.url);
    socket.write(requestText(sign(other.host, "Encrypt")));
    const { headers } = await readReply(socket);
    expect(other.log).toEqual([
      {
        time: expect.any(String),
        event: "failure",
        requestId: headers["x-amzn-requestid"],
        error: "TypeError",
        at: expect.stringContaining("listener.test.ts"),
      },
    ]);
    expect(JSON.stringify(other.log)).not.toContain(secretText);
    await other.close(0);
  });

  it("to encode a response is an answer, too", async () => {
    operations["Fail"] = () => ({ Value: Number.NaN });
    expect((await call("Fail")).status).toBe(500);
  });
});

describe("what is not POST /", () => {
  it.each(["GET / HTTP/1.1", "PUT / HTTP/1.1", "POST /kms HTTP/1.1", "POST // HTTP/1.1", "POST http://a/ HTTP/1.1"])(
    "is refused: %s",
    async (line) => {
      const socket = await dial(service.url);
      socket.write(requestText(sign(service.host, "Encrypt"), "{}", line));
      const { status, headers, body } = await readReply(socket);
      expect(status).toBe(400);
      expect(JSON.parse(body)).toEqual({
        __type: "UnknownOperationException",
        message: "The only request of this API is POST /.",
      });
      expect(headers["x-amzn-requestid"]).toBeTruthy();
      socket.destroy();
    },
  );
});

describe("TLS", () => {
  it.each([
    ["X25519MLKEM768", "X25519MLKEM768"],
    ["SecP256r1MLKEM768", "SecP256r1MLKEM768"],
    ["SecP384r1MLKEM1024", "SecP384r1MLKEM1024"],
    ["X25519", "x25519"],
    ["P-256", "secp256r1"],
    ["P-384", "secp384r1"],
  ])("serves the group %s and says so", async (ecdhCurve, keyExchange) => {
    await call("Encrypt", { ecdhCurve });
    expect(seen?.tls?.keyExchange).toBe(keyExchange);
  });

  it("prefers the hybrid of X25519 and ML-KEM-768", async () => {
    const socket = await dial(service.url);
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ name: "X25519MLKEM768" });
    socket.destroy();
  });

  it.each<[string, ConnectionOptions]>([
    ["TLS 1.2", { maxVersion: "TLSv1.2" }],
    ["AES-128", { ciphers: "TLS_AES_128_GCM_SHA256" }],
    ["a group of 112 bits", { ecdhCurve: "ffdhe2048" }],
    ["HTTP/2 alone", { ALPNProtocols: ["h2"] }],
  ])("refuses %s", async (_, options) => {
    await expect(dial(service.url, options)).rejects.toThrow();
  });

  it("chooses HTTP/1.1 of the protocols that are offered", async () => {
    const socket = await dial(service.url, { ALPNProtocols: ["h2", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("http/1.1");
    socket.destroy();
  });

  it("1.2 is served, with AES-256-GCM alone, where that is asked for", async () => {
    const { selfSigned } = await import("./certificate.ts");
    const other = await startService(async (_, caller) => ({ ...caller.tls }), {
      tls: { ...(await selfSigned()), minVersion: "TLSv1.2" },
    });
    const socket = await dial(other.url, { maxVersion: "TLSv1.2" });
    socket.write(requestText(sign(other.host, "Encrypt")));
    expect(JSON.parse((await readReply(socket)).body)).toMatchObject({
      tlsVersion: "TLSv1.2",
      cipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      keyExchange: "x25519",
    });
    socket.destroy();
    await expect(
      dial(other.url, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }),
    ).rejects.toThrow();
    await other.close(0);
  });
});

describe("a client that is slow", () => {
  it("to begin TLS is cut off", async () => {
    const { hostname, port } = new URL(hasty.url);
    const started = performance.now();
    const socket = connectTcp(Number(port), hostname);
    await new Promise((resolve) => socket.on("close", resolve));
    expect(performance.now() - started).toBeGreaterThan(250);
  });

  it("to begin a request is cut off", async () => {
    const { text, milliseconds } = await exchangeWith(hasty);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(milliseconds).toBeGreaterThan(250);
  });

  it("with its headers is told so and cut off", async () => {
    const { text } = await exchangeWith(hasty, "POST / HTTP/1.1\r\n", "Host: a\r\n", "X-Slow: ");
    expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\nx-amzn-RequestId: /);
    expect(text).toMatch(/\r\n\r\n\{"__type":"RequestTimeout"\}$/);
  });

  it("with its body is told so and cut off", async () => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    const { text, milliseconds } = await exchangeWith(hasty, head, "{", '"');
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(milliseconds).toBeGreaterThan(500);
  });
});

describe("a request that two readers could understand differently", () => {
  it.each([
    ["both lengths", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
    ["two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"],
    ["a length that is no number", "Content-Length: +2\r\n", "{}"],
    ["an encoding that ends in something else", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"],
    ["a space before the colon", "Content-Length : 2\r\n", "{}"],
    ["a folded line", "X-A: 1\r\n 2\r\n", ""],
    ["a line feed alone", "X-A: 1\nX-B: 2\r\n", ""],
    ["a NUL", "X-A: \0\r\n", ""],
  ])("is refused and cut off: %s", async (_, headers, body) => {
    const { text } = await exchange(`POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\nx-amzn-RequestId: /);
    expect(text).toMatch(/\{"__type":"MalformedHttpRequestException"\}$/);
  });

  it("is refused without a Host", async () => {
    expect((await exchange("POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")).text).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  it("is refused when it is no HTTP at all", async () => {
    expect((await exchange("\x16\x03\x01\x02\x00\x01")).text).toMatch(/^HTTP\/1\.1 400 /);
    expect((await exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).text).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe("a request that is too large", () => {
  it("in its headers is refused", async () => {
    const { text } = await exchange(`POST / HTTP/1.1\r\nHost: a\r\nX-Large: ${"a".repeat(17 * 1024)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 .*\{"__type":"RequestEntityTooLarge"\}$/s);
  });

  it("by its own account is refused at once", async () => {
    const { text } = await exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 413 .*Connection: close.*"__type":"RequestEntityTooLarge"/s);
  });

  it("by its octets is refused at the first that is too much", async () => {
    const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
    const { text } = await exchange(
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(4)}`,
      "1\r\na\r\n",
    );
    expect(text).toMatch(/^HTTP\/1\.1 413 .*Connection: close/s);
  });

  it("is served up to the limit", async () => {
    const body = `{"a":"${"a".repeat(256 * 1024 - 8)}"}`;
    const socket = await dial(service.url);
    socket.write(requestText(sign(service.host, "Encrypt", { body }), body));
    expect((await readReply(socket)).status).toBe(200);
    socket.destroy();
  });
});

describe("more than the service takes", () => {
  it("is throttled as AWS does", async () => {
    const release = Promise.withResolvers<undefined>();
    const other = await startService(() => release.promise, { limits: { maxInFlight: 1 } });
    const first = await dial(other.url);
    first.write(requestText(sign(other.host, "Encrypt")));
    await expect.poll(() => other.derivations.length).toBe(1);
    const second = await dial(other.url);
    second.write(requestText(sign(other.host, "Encrypt")));
    const { status, body } = await readReply(second);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({
      __type: "ThrottlingException",
      message: "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    });
    release.resolve(undefined);
    expect((await readReply(first)).status).toBe(200);
    second.write(requestText(sign(other.host, "Encrypt")));
    expect((await readReply(second)).status).toBe(200);
    await other.close(0);
  });

  it("is not accepted as a connection", async () => {
    const other = await startService(undefined, { limits: { maxConnections: 1 } });
    const first = await dial(other.url);
    await expect(dial(other.url)).rejects.toThrow();
    first.destroy();
    await other.close(0);
  });
});

describe("what cannot be read", () => {
  it("is logged with its reason, but not a client that merely goes away", async () => {
    const other = await startService();
    const gone = await dial(other.url);
    gone.destroy();
    await expect(dial(other.url, { maxVersion: "TLSv1.2" })).rejects.toThrow();
    const noHttp = await dial(other.url);
    noHttp.write("no HTTP\r\n\r\n");
    await drain(noHttp);
    await other.close(0);
    expect(other.log.map(({ event, address, reason }) => [event, address, reason])).toEqual([
      ["unreadable", "127.0.0.1", "ERR_SSL_UNSUPPORTED_PROTOCOL"],
      ["unreadable", "127.0.0.1", expect.stringMatching(/^HPE_/)],
    ]);
  });
});

describe("a client that goes away", () => {
  it("before its answer takes no place any longer, and disturbs nobody", async () => {
    const release = Promise.withResolvers<undefined>();
    let closed = 0;
    const other = await startService(async (operation) => (operation === "Wait" ? release.promise : {}), {
      limits: { maxInFlight: 1 },
    });
    const first = await dial(other.url);
    first.on("close", () => closed++).write(requestText(sign(other.host, "Wait")));
    await expect.poll(() => other.derivations.length).toBe(1);
    first.destroy();
    await expect.poll(() => closed).toBe(1);
    release.resolve(undefined);
    const second = await dial(other.url);
    second.write(requestText(sign(other.host, "Encrypt")));
    expect((await readReply(second)).status).toBe(200);
    await other.close(0);
    expect(other.log).toEqual([]);
  });

  it("in its request disturbs nobody", async () => {
    const half = await dial(service.url);
    half.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{");
    half.destroy();
    expect((await call("Encrypt")).status).toBe(200);
  });
});
