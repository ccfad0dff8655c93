import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Shape, Structure } from "../../src/model/shape.ts";
import { operations } from "../../src/operations/index.ts";
import { checkout, removeHome, type Service, startService, temporaryHome } from "../contract/service.ts";
import { accessKeyId, region, secretAccessKey, sign } from "../server/signer.ts";
import { dial, type Reply, readReply, requestText } from "../server/wire-client.ts";

/** Milliseconds for each property, and how often it is tried at least. */
const budget = { time: 2000, numRuns: 20 };

async function expectOften(property: fc.IAsyncProperty<unknown>): Promise<void> {
  const end = performance.now() + budget.time;
  do await fc.assert(property, { numRuns: budget.numRuns });
  while (performance.now() < end);
}

describe("whatever an authenticated stranger sends is answered with a result or a typed error", () => {
  const home = temporaryHome();
  let service: Service;
  let host: string;
  let agent: Agent;
  let keys: readonly string[];
  let ciphertext: Buffer;
  let destination: string;

  beforeAll(async () => {
    const access = ["--access-key-id", accessKeyId, "--secret-access-key", secretAccessKey];
    service = await startService(home, "soft", [...access, "--region", region]);
    host = new URL(service.endpoint).host;
    agent = new Agent({ keepAlive: true, maxSockets: 16, ca: readFileSync(service.caFile) });
    const created = await Promise.all(Array.from({ length: 8 }, () => call("CreateKey", {})));
    keys = created.map(({ KeyMetadata }) => (KeyMetadata as { KeyId: string }).KeyId);
    await call("CreateAlias", { AliasName: "alias/mine", TargetKeyId: keys[0] });
    // Of keys that no request names.
    const [from, to] = await Promise.all([call("CreateKey", {}), call("CreateKey", {})]);
    destination = (to["KeyMetadata"] as { KeyId: string }).KeyId;
    const { KeyId } = from["KeyMetadata"] as { KeyId: string };
    const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: "AAAA" });
    ciphertext = Buffer.from(CiphertextBlob as string, "base64");
  }, 120_000);

  afterAll(async () => {
    agent.destroy();
    expect(await service.stop()).toBe(0);
    expect(service.log()).not.toContain('"event":"failure"');
    execFileSync(join(checkout, "scripts/strongroom"), ["audit", "verify", "--home", home]);
    removeHome(home);
  });

  /** Rejects when the connection is dropped. */
  const post = (operation: string, body: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(sign(host, operation, { body }));
      const asked = request(service.endpoint, { method: "POST", agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve({ status: response.statusCode as number, text })).on("error", reject);
      });
      asked.on("error", reject).end(body);
    });

  async function call(operation: string, input: object): Promise<Record<string, unknown>> {
    const { status, text } = await post(operation, JSON.stringify(input));
    expect([status, text]).toEqual([200, expect.anything()]);
    return text === "" ? {} : JSON.parse(text);
  }

  interface Request {
    readonly operation: string;
    readonly body: string;
  }

  async function expectAnswers(batch: readonly Request[]): Promise<void> {
    const answers = await Promise.all(batch.map(({ operation, body }) => post(operation, body)));
    for (const answer of answers) expectTyped(answer.status, answer.text);
  }

  const names = [...operations.keys()];

  it("as a body of any operation", async () => {
    const batch = fc.array(anyRequest(), { minLength: 16, maxLength: 16 });
    await expectOften(fc.asyncProperty(batch, expectAnswers));
  });

  it("as a ciphertext, which opens only if it is the one that was made", async () => {
    const batch = fc.array(
      fc.record({ blob: fc.oneof(mutation(), fc.uint8Array({ maxLength: 200 })), operation: fc.boolean() }),
      { minLength: 16, maxLength: 16 },
    );
    const property = fc.asyncProperty(batch, async (tries) => {
      const answers = await Promise.all(
        tries.map(({ blob, operation }) => {
          const CiphertextBlob = Buffer.from(blob).toString("base64");
          return operation
            ? post("Decrypt", JSON.stringify({ CiphertextBlob }))
            : post("ReEncrypt", JSON.stringify({ CiphertextBlob, DestinationKeyId: destination }));
        }),
      );
      for (const [i, { status, text }] of answers.entries()) {
        expectTyped(status, text);
        expect(status === 200).toBe(Buffer.from(tries[i]?.blob ?? []).equals(ciphertext));
      }
    });
    await expectOften(property);
  });

  it("as a key policy", async () => {
    const batch = fc.array(
      fc.record({ policy: anyPolicy(), bypass: fc.boolean(), made: fc.boolean() }).map(({ policy, bypass, made }) => {
        const members = { Policy: policy, BypassPolicyLockoutSafetyCheck: bypass };
        return made
          ? { operation: "CreateKey", body: JSON.stringify(members) }
          : { operation: "PutKeyPolicy", body: JSON.stringify({ ...members, KeyId: keys[7] }) };
      }),
      { minLength: 8, maxLength: 8 },
    );
    await expectOften(fc.asyncProperty(batch, expectAnswers));
  });

  it("as headers", async () => {
    const head = fc.record({ at: fc.nat(), octet: fc.integer({ min: 0, max: 255 }), insert: fc.boolean() });
    const property = fc.asyncProperty(fc.array(head, { minLength: 8, maxLength: 8 }), async (changes) => {
      const replies = await Promise.all(changes.map(({ at, octet, insert }) => sendChanged(at, octet, insert)));
      for (const { status, body } of replies) expectTyped(status, body);
    });
    await expectOften(property);
    expect((await post("ListKeys", "{}")).status).toBe(200);
  });

  /** One octet of the head, up to the length of the body, changed or put in. */
  async function sendChanged(at: number, octet: number, insert: boolean): Promise<Reply> {
    const text = requestText(sign(host, "ListKeys"));
    const end = text.indexOf("Content-Length:");
    const place = at % end;
    const changed = text.slice(0, place) + String.fromCharCode(octet) + text.slice(insert ? place : place + 1);
    const socket = await dial(service.endpoint);
    socket.on("error", () => undefined);
    socket.write(changed, "latin1");
    const reply = await readReply(socket);
    socket.destroy();
    return reply;
  }

  /** Bodies that get far: members of the operation with values of the right kind, most of the time. */
  function anyRequest(): fc.Arbitrary<Request> {
    const shaped = fc.constantFrom(...names).chain((operation) => {
      const shape = operations.get(operation)?.request as Shape<unknown>;
      const members = Object.keys((shape as Structure<unknown>).members);
      const record = Object.fromEntries(members.map((name) => [name, memberValue(name)]));
      return fc.record(record, { requiredKeys: [] }).map((input) => ({ operation, body: JSON.stringify(input) }));
    });
    const other = fc.record({ operation: fc.constantFrom(...names), body: fc.json() });
    const broken = fc
      .tuple(shaped, fc.nat(), fc.string({ unit: "binary", maxLength: 3 }))
      .map(([{ operation, body }, at, text]) => {
        const place = at % (body.length + 1);
        return { operation, body: body.slice(0, place) + text + body.slice(place + 1) };
      });
    return fc.oneof(
      { weight: 6, arbitrary: shaped },
      { weight: 1, arbitrary: other },
      { weight: 1, arbitrary: broken },
    );
  }

  function memberValue(name: string): fc.Arbitrary<unknown> {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const bytes = fc.uint8Array({ maxLength: 100 }).map((octets) => Buffer.from(octets).toString("base64"));
    const words = ["AES_256", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", "EXTERNAL", "RSA_2048", "default"];
    const plausible: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
      AliasName: fc.oneof(
        fc.constantFrom("alias/mine", "alias/aws/x", "alias/"),
        text.map((end) => `alias/${end}`),
      ),
      CiphertextBlob: mutation().map((blob) => Buffer.from(blob).toString("base64")),
      Plaintext: bytes,
      Policy: anyPolicy(),
      TagKeys: fc.array(text, { maxLength: 4 }),
      Tags: fc.array(fc.record({ TagKey: text, TagValue: text }), { maxLength: 4 }),
    };
    const kinds: readonly (readonly [RegExp, fc.Arbitrary<unknown>])[] = [
      [/Key(Id)?$/, fc.oneof(fc.constantFrom(...keys, "alias/mine"), text)],
      [/Context$/, fc.dictionary(text, text, { maxKeys: 4 })],
      [/^(Limit|NumberOf|Pending|Rotation)/, fc.oneof(fc.integer({ min: -1, max: 1100 }), fc.double())],
      [/^(DryRun|Bypass|MultiRegion)$/, fc.boolean()],
      [/./, fc.oneof(fc.constantFrom(...words), text, bytes, fc.array(text, { maxLength: 3 }))],
    ];
    const right = plausible[name] ?? kinds.find(([pattern]) => pattern.test(name))?.[1] ?? text;
    return fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });
  }

  /** The ciphertext with a few octets changed, cut off or added. */
  const mutation = (): fc.Arbitrary<Uint8Array> =>
    fc
      .record({
        changes: fc.array(fc.tuple(fc.nat({ max: ciphertext.length - 1 }), fc.integer({ min: 0, max: 255 })), {
          maxLength: 3,
        }),
        length: fc.oneof(fc.constant(ciphertext.length), fc.nat({ max: ciphertext.length })),
        more: fc.uint8Array({ maxLength: 3 }),
      })
      .map(({ changes, length, more }) => {
        const blob = Buffer.from(ciphertext);
        for (const [at, octet] of changes) blob[at] = octet;
        return Buffer.concat([blob.subarray(0, length), more]);
      });
});

function expectTyped(status: number, text: string): void {
  if (status === 200) {
    if (text !== "") JSON.parse(text);
    return;
  }
  const { __type: type, message, Message, ...rest } = JSON.parse(text);
  expect([status, type]).toEqual([expect.toSatisfy((code: number) => code >= 400 && code < 500), expect.any(String)]);
  expect(Object.keys(rest)).toEqual([]);
}

function anyPolicy(): fc.Arbitrary<string> {
  const text = fc.string({ maxLength: 20 });
  const oneOrMore = (words: fc.Arbitrary<unknown>) => fc.oneof(words, fc.array(words, { maxLength: 3 }));
  const principal = oneOrMore(fc.oneof(fc.constantFrom("*", "111122223333", "arn:aws:iam::111122223333:root"), text));
  const operators = ["StringEquals", "StringLike", "NumericLessThan", "DateGreaterThan", "Bool", "IpAddress", "Null"];
  const operator = fc.oneof(fc.constantFrom(...operators, "ForAllValues:StringLike", "StringEqualsIfExists"), text);
  const conditionKey = fc.oneof(fc.constantFrom("kms:EncryptionContext:a", "aws:SourceIp", "kms:ViaService"), text);
  const statement = fc.record(
    {
      Sid: text,
      Effect: fc.oneof(fc.constantFrom("Allow", "Deny"), text),
      Principal: fc.oneof(fc.constant("*"), fc.dictionary(fc.constantFrom("AWS", "Service"), principal), principal),
      NotPrincipal: principal,
      Action: oneOrMore(fc.oneof(fc.constantFrom("kms:*", "kms:Encrypt", "*", "kms:?*t"), text)),
      NotAction: oneOrMore(text),
      Resource: oneOrMore(fc.oneof(fc.constant("*"), text)),
      Condition: fc.dictionary(operator, fc.dictionary(conditionKey, oneOrMore(fc.oneof(text, fc.integer())))),
    },
    { requiredKeys: ["Effect", "Principal", "Action", "Resource"] },
  );
  const document = fc.record({
    Version: fc.oneof(fc.constantFrom("2012-10-17", "2008-10-17"), text),
    Id: text,
    Statement: oneOrMore(statement),
  });
  return fc.oneof(
    { weight: 8, arbitrary: document.map((policy) => JSON.stringify(policy)) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  );
}
