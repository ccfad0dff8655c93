import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { accessKeyId, region, type Signing, secretAccessKey, sign } from "../server/signer.ts";
import { dial, drain, parseReply, readReply, requestText } from "../server/wire-client.ts";

const minute = 60_000;

/** A request that is right but for one thing, and what comes back for it. */
interface Fault {
  readonly operation?: string;
  readonly signing?: Signing;
  /** Sent in place of the body that was signed. */
  readonly sent?: string;
  readonly status?: number;
  readonly type: string;
  readonly message?: RegExp;
}

const context = (json: string): string => `{"KeyId":"alias/mine","Plaintext":"AAAA","EncryptionContext":{"a":${json}}}`;

const faults: Readonly<Record<string, Fault>> = {
  "a body that was changed on the way": { sent: '{"Limit":1}', type: "InvalidSignatureException" },
  "an unknown access key": {
    signing: { accessKeyId: "AKIAIOSFODNN7UNKNOWN" },
    type: "UnrecognizedClientException",
  },
  "a clock that is ten minutes behind": {
    signing: { time: new Date(Date.now() - 10 * minute) },
    type: "InvalidSignatureException",
    message: /^Signature expired/,
  },
  "a clock that is a day ahead": {
    signing: { time: new Date(Date.now() + 24 * 60 * minute) },
    type: "InvalidSignatureException",
    message: /^Signature not yet current/,
  },
  "an operation that is not signed": { signing: { unsigned: ["x-amz-target"] }, type: "InvalidSignatureException" },
  "a region that is not served": { signing: { region: "ap-south-1" }, type: "InvalidSignatureException" },
  "two members of one name": { signing: { body: '{"Limit":1,"Limit":2}' }, type: "SerializationException" },
  "what is no JSON": { signing: { body: '{"Limit":1' }, type: "SerializationException" },
  "what is no object": { signing: { body: "[]" }, type: "SerializationException" },
  "an unknown member": {
    signing: { body: '{"Limit":1,"Colour":"red"}' },
    type: "ValidationException",
    message: /Unknown member 'Colour'/,
  },
  "an unknown operation": { operation: "MeltKey", type: "UnknownOperationException" },
  "an operation of every object": { operation: "constructor", type: "UnknownOperationException" },
  "ill-formed Unicode in an encryption context": {
    operation: "Encrypt",
    signing: { body: context('"\\ud800"') },
    type: "SerializationException",
  },
  "an encryption context that is too long": {
    operation: "Encrypt",
    signing: { body: context(`"${"x".repeat(9000)}"`) },
    type: "ValidationException",
  },
};

describe("a service that strangers and clumsy clients call", () => {
  const home = temporaryHome();
  let service: Service;
  let host: string;

  beforeAll(async () => {
    const access = ["--access-key-id", accessKeyId, "--secret-access-key", secretAccessKey];
    service = await startService(home, "soft", [...access, "--region", region]);
    host = new URL(service.endpoint).host;
    const { KeyMetadata } = JSON.parse((await ask({ operation: "CreateKey" })).body);
    const body = JSON.stringify({ AliasName: "alias/mine", TargetKeyId: KeyMetadata.KeyId });
    expect((await ask({ operation: "CreateAlias", signing: { body } })).status).toBe(200);
  }, 120_000);
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  async function ask({ operation = "ListKeys", signing = {}, sent }: Partial<Fault>) {
    const socket = await dial(service.endpoint);
    socket.write(requestText(sign(host, operation, signing), sent ?? signing.body));
    const reply = await readReply(socket);
    socket.destroy();
    return { ...reply, answer: JSON.parse(reply.body || "{}") as { __type: string; message?: string } };
  }

  const expectToServe = async (): Promise<void> => expect((await ask({})).status).toBe(200);

  it.each(Object.entries(faults))("answers %s with the right error, and goes on", async (_, fault) => {
    const { status, answer } = await ask(fault);
    expect([status, answer.__type]).toEqual([fault.status ?? 400, fault.type]);
    expect(answer.message ?? "").toMatch(fault.message ?? /^/);
    expect(answer.message ?? "").not.toMatch(/AAAA|xxxx/);
    await expectToServe();
  });

  it("refuses ten megabytes, and the client gets to know", async () => {
    const { status, answer } = await ask({ signing: { body: "x".repeat(10 << 20) } });
    expect([status, answer.__type]).toEqual([413, "RequestEntityTooLarge"]);
    await expectToServe();
  });

  it("cuts off senders that are too slow, and serves others meanwhile", async () => {
    const slow = await Promise.all(Array.from({ length: 20 }, () => dial(service.endpoint)));
    const replies = slow.map((socket) => drain(socket));
    for (const socket of slow) socket.write("POST / HTTP/1.1\r\nHost: ");
    await expectToServe();
    for (const reply of await Promise.all(replies)) expect(parseReply(reply)?.status).toBe(408);
    await expectToServe();
  }, 30_000);
});
