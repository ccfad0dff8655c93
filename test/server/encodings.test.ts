import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../src/kms/caller.ts";
import { type Service, startService } from "./service.ts";
import { sign } from "./signer.ts";
import { dial, drain, type Reply, readReply, requestText } from "./wire-client.ts";

let service: Service;
let seen: Caller | undefined;
beforeAll(async () => {
  service = await startService(async (_operation, caller, body) => {
    seen = caller;
    return { body };
  });
});
afterAll(() => service.close(0));

async function ask(text: string): Promise<Reply> {
  const socket = await dial(service.url);
  socket.write(text);
  const reply = await readReply(socket);
  socket.destroy();
  return reply;
}

const lines = (headers: readonly (readonly [string, string])[]): string =>
  headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");

describe("a request", () => {
  const body = '{"KeyId":"a"}';
  const chunked = `4\r\n${body.slice(0, 4)}\r\n${(body.length - 4).toString(16)}\r\n${body.slice(4)}\r\n0\r\n\r\n`;

  it("may come in chunks, signed over what they hold", async () => {
    const headers = lines([...sign(service.host, "Encrypt", { body }), ["Transfer-Encoding", "chunked"]]);
    expect(await ask(`POST / HTTP/1.1\r\n${headers}\r\n${chunked}`)).toMatchObject({
      status: 200,
      body: JSON.stringify({ body }),
    });
    const cut = await ask(`POST / HTTP/1.1\r\n${headers}\r\n${chunked.replace('"a"', '"b"')}`);
    expect(JSON.parse(cut.body).__type).toBe("InvalidSignatureException");
  });

  it("that waits for 100 Continue gets it", async () => {
    const socket = await dial(service.url);
    const headers = sign(service.host, "Encrypt", { body });
    const text = requestText([...headers, ["Expect", "100-continue"], ["Connection", "close"]], body);
    socket.write(text.slice(0, -body.length));
    const answered = drain(socket);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write(body);
    expect(await answered).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it("of another protocol than AWS JSON 1.1 is of no operation", async () => {
    const headers = sign(service.host, "Encrypt", { headers: [["Smithy-Protocol", "rpc-v2-cbor"]] });
    const { status, body: answer } = await ask(
      requestText(headers, "{}", "POST /service/TrentService/operation/Encrypt HTTP/1.1"),
    );
    expect([status, JSON.parse(answer).__type]).toEqual([400, "UnknownOperationException"]);
  });

  it("says for which resource a service acts, if it is signed", async () => {
    const source: [string, string][] = [
      ["X-Amz-Source-Arn", "arn:aws:logs:eu-central-1:111122223333:log-group:a"],
      ["X-Amz-Source-Account", "111122223333"],
    ];
    expect((await ask(requestText(sign(service.host, "Encrypt", { headers: source })))).status).toBe(200);
    expect(seen?.source).toEqual({ arn: source[0]?.[1], account: "111122223333" });
    const unsigned = sign(service.host, "Encrypt", { headers: source, unsigned: ["x-amz-source-arn"] });
    expect(JSON.parse((await ask(requestText(unsigned))).body).__type).toBe("InvalidSignatureException");
    await ask(requestText(sign(service.host, "Encrypt")));
    expect(seen).not.toHaveProperty("source");
  });
});
