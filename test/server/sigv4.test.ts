import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { KmsError } from "../../src/base/errors.ts";
import { readHeaders } from "../../src/server/headers.ts";
import { SigV4Verifier } from "../../src/server/sigv4.ts";
import { type Service, startService } from "./service.ts";
import { accessKeyId, basicFormat, kDate, region, type Signing, sign } from "./signer.ts";
import { dial, type Reply, readReply, requestText } from "./wire-client.ts";

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close(0));

const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);

async function send(
  headers: readonly (readonly [string, string])[],
  body?: string,
  line?: string,
  to = service,
): Promise<Reply> {
  const socket = await dial(to.url);
  socket.write(Buffer.from(requestText(headers, body, line), "latin1"));
  const reply = await readReply(socket);
  socket.destroy();
  return reply;
}

const post = (signing: Signing = {}, to = service): Promise<Reply> =>
  send(sign(to.host, "Encrypt", signing), signing.body, undefined, to);

async function refusal(reply: Promise<Reply>): Promise<string> {
  const { status, body } = await reply;
  const { __type, message } = JSON.parse(body);
  return `${status} ${__type}: ${message}`;
}

const mismatch = "400 InvalidSignatureException: The request signature we calculated does not match";
const unrecognized = "400 UnrecognizedClientException: The security token included in the request is invalid.";

describe("a signed request", () => {
  it("is performed", async () => {
    const { status, body } = await post({ body: '{"KeyId":"a"}' });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ operation: "Encrypt", body: '{"KeyId":"a"}' });
  });

  it.each([-4, 4])("is good at a clock skew of %i minutes", async (skew) => {
    expect((await post({ time: minutes(skew) })).status).toBe(200);
  });

  it("is good with spaces in headers, headers that repeat, and octets beyond ASCII", async () => {
    const headers: [string, string][] = [
      ["X-Spaces", "  a   b\t c "],
      ["X-Many", "2"],
      ["X-Many", "1"],
      ["X-Octets", Buffer.from("schlüssel à ☃").toString("latin1")],
    ];
    expect((await post({ headers })).status).toBe(200);
  });

  it("is good with the hash of its body in a header", async () => {
    const digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    expect((await post({ headers: [["x-amz-content-sha256", digest]] })).status).toBe(200);
  });

  it("costs the HSM one call a day, however many come at once", async () => {
    const other = await startService();
    await Promise.all(Array.from({ length: 8 }, () => post({}, other)));
    await post({}, other);
    expect(new Set(other.derivations).size).toBe(other.derivations.length);
    await other.close(0);
  });

  it("is held to the same checks when the one before had the same claim", async () => {
    const headers: [string, string][] = [["X-Amz-Meta", "a"]];
    const body = "{}";
    const first = sign(service.host, "Encrypt", { headers, body });
    expect((await send(first, body)).status).toBe(200);
    expect(await refusal(send(first, "{ }"))).toMatch(mismatch);
    expect(await refusal(send([...first, ["X-Amz-Other", "b"]], body))).toMatch(
      "'x-amz-other' must be a 'SignedHeader'",
    );
    expect(
      await refusal(
        send(
          first.filter(([name]) => name !== "X-Amz-Meta"),
          body,
        ),
      ),
    ).toMatch("A 'SignedHeader' is not");
    const changed = (from: RegExp, to: string) =>
      first.map(([name, value]): [string, string] => [
        name,
        name === "Authorization" ? value.replace(from, to) : value,
      ]);
    expect(await refusal(send(changed(/[0-9a-f]$/, "g"), body))).toMatch("400 IncompleteSignatureException");
    expect(await refusal(send(changed(/[0-9a-f]{64}$/, "0".repeat(64)), body))).toMatch(mismatch);
    const late = first.map(([name, value]): [string, string] => [
      name,
      name === "X-Amz-Date" ? basicFormat(minutes(-6)) : value,
    ]);
    expect(await refusal(send(late, body))).toMatch(/400 InvalidSignatureException: (Signature expired|Date in Cred)/);
  });
});

describe("time", () => {
  it("is refused when it is over five minutes past, in the words of AWS", async () => {
    const time = minutes(-6);
    expect(await refusal(post({ time }))).toMatch(
      new RegExp(
        `^400 InvalidSignatureException: Signature expired: ${basicFormat(time)} is now earlier than \\d{8}T\\d{6}Z \\(\\d{8}T\\d{6}Z - 5 min\\.\\)$`,
      ),
    );
  });

  it("is refused when it is over five minutes ahead", async () => {
    const time = minutes(6);
    expect(await refusal(post({ time }))).toMatch(
      new RegExp(
        `^400 InvalidSignatureException: Signature not yet current: ${basicFormat(time)} is still later than \\d{8}T\\d{6}Z \\(\\d{8}T\\d{6}Z \\+ 5 min\\.\\)$`,
      ),
    );
  });

  it.each([
    "20260230T000000Z",
    "2026-11-22T00:00:00Z",
    "20261122",
    "20261122T250000Z",
    "20261322T000000Z",
    "20260022T000000Z",
    "20261100T000000Z",
    "",
  ])("is refused as %j", async (text) => {
    const headers = sign(service.host, "Encrypt").map(([name, value]): [string, string] =>
      name === "X-Amz-Date"
        ? [name, text]
        : [name, value.replace(/(Credential=[^/]+)\/\d+/, `$1/${text.split("T")[0]}`)],
    );
    expect(await refusal(send(headers))).toMatch(/^400 (IncompleteSignature|InvalidSignature)Exception: Date /);
  });
});

describe("what is signed", () => {
  it.each(["x-amz-target", "x-amz-date"])("must include %s", async (name) => {
    expect(await refusal(post({ unsigned: [name] }))).toBe(
      `400 InvalidSignatureException: '${name}' must be a 'SignedHeader' in the AWS Authorization.`,
    );
  });

  it("must include the host", async () => {
    expect(await refusal(post({ unsigned: ["host"] }))).toBe(
      "400 InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
  });

  it("must include every other x-amz- header", async () => {
    const headers: [string, string][] = [["X-Amz-Anything", "1"]];
    expect(await refusal(post({ headers, unsigned: ["x-amz-anything"] }))).toContain("'x-amz-anything' must be");
  });

  it.each(["x-amz-target;x-amz-date;host", "host;host;x-amz-date;x-amz-target", "Host;x-amz-date;x-amz-target"])(
    "must be in order, once, in lower case: %s",
    async (signedHeaders) => {
      expect(await refusal(post({ signedHeaders }))).toMatch(/^400 InvalidSignatureException: /);
    },
  );

  it("must be in the request", async () => {
    expect(await refusal(post({ signedHeaders: "host;x-absent;x-amz-date;x-amz-target" }))).toContain(
      "A 'SignedHeader' is not in the request.",
    );
  });

  it("cannot be changed after", async () => {
    for (const changed of ["Host", "X-Amz-Target", "Content-Type"]) {
      const headers = sign(service.host, "Encrypt").map(([name, value]): [string, string] => [
        name,
        name === changed ? `${value}x` : value,
      ]);
      expect(await refusal(send(headers))).toContain(mismatch);
    }
    expect(await refusal(post({ hashed: '{"KeyId":"b"}' }))).toContain(mismatch);
  });

  it.each(["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0".repeat(64)])(
    "cannot be a body of hash %s",
    async (digest) => {
      expect(await refusal(post({ headers: [["X-Amz-Content-Sha256", digest]] }))).toBe(
        "400 InvalidSignatureException: The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    },
  );
});

describe("headers that decide", () => {
  it.each([
    ["host", "evil.example"],
    ["authorization", "AWS4-HMAC-SHA256 x"],
    ["content-type", "text/plain"],
    ["x-amz-date", "20200101T000000Z"],
    ["x-amz-target", "TrentService.ScheduleKeyDeletion"],
    ["x-amz-security-token", "x"],
    ["date", "x"],
  ])("cannot be repeated: %s", async (name, value) => {
    const twice: [string, string][] =
      name === "x-amz-security-token" || name === "date"
        ? [
            [name, value],
            [name, value],
          ]
        : [[name, value]];
    for (const headers of [
      [...sign(service.host, "Encrypt"), ...twice],
      [...twice, ...sign(service.host, "Encrypt")],
    ]) {
      expect(await refusal(send(headers))).toBe(
        `400 IncompleteSignatureException: The header '${name}' must not be repeated.`,
      );
    }
  });
});

describe("the credential", () => {
  it.each([
    [{ region: "us-east-1" }, "InvalidSignatureException: Credential should be scoped to a valid region."],
    [{ service: "s3" }, "InvalidSignatureException: Credential should be scoped to correct service: 'kms'."],
    [
      { date: "20200101" },
      "InvalidSignatureException: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
    ],
    [{ accessKeyId: "AKIAUNKNOWN123456789" }, unrecognized.slice(4)],
    [
      { accessKeyId: "AKIA/IOSFODNN7EXAMPLE" },
      "IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    ],
  ])("%j is refused", async (signing, expected) => {
    expect(await refusal(post(signing))).toBe(`400 ${expected}`);
  });

  it("is refused with a session token: nobody issues them", async () => {
    expect(await refusal(post({ headers: [["X-Amz-Security-Token", "abc"]] }))).toBe(unrecognized);
  });

  it("is refused when its access key is inactive, like one that does not exist, without a call of the HSM", async () => {
    const other = await startService(undefined, {}, { active: false });
    expect(await refusal(post({}, other))).toBe(unrecognized);
    expect(other.derivations).toEqual([]);
    await other.close(0);
  });
});

describe("the Authorization header", () => {
  it.each([
    [undefined, "MissingAuthenticationTokenException: Missing Authentication Token"],
    ["Bearer x", "IncompleteSignatureException: Unsupported AWS 'algorithm' (only AWS4-HMAC-SHA256 for now)."],
    [
      "AWS4-HMAC-SHA256 Signature=0",
      "IncompleteSignatureException: Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter.",
    ],
    [
      "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=ABC",
      "IncompleteSignatureException: The Signature must be 64 lower-case hexadecimal digits.",
    ],
    [
      `AWS4-HMAC-SHA256 Credential=a/b/c/d/aws5_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
      "IncompleteSignatureException: Credential should be scoped with a valid terminator: 'aws4_request'.",
    ],
  ])("%j is refused", async (value, expected) => {
    const headers = sign(service.host, "Encrypt").filter(([name]) => name !== "Authorization");
    if (value) headers.push(["Authorization", value]);
    expect(await refusal(send(headers))).toBe(`400 ${expected}`);
  });

  it("needs an X-Amz-Date beside it", async () => {
    const headers = sign(service.host, "Encrypt").filter(([name]) => name !== "X-Amz-Date");
    expect(await refusal(send(headers))).toContain("requires existence of a 'X-Amz-Date' header.");
  });

  it("cannot be in the query", async () => {
    expect(await refusal(send(sign(service.host, "Encrypt"), "{}", "POST /?X-Amz-Signature=0 HTTP/1.1"))).toBe(
      "400 MissingAuthenticationTokenException: Missing Authentication Token",
    );
  });

  it("is never quoted in an answer or in the log, but for an id of the shape of access keys", async () => {
    const other = await startService();
    const headers = sign(other.host, "Encrypt").filter(([name]) => name !== "Authorization");
    headers.push(["Authorization", "AWS4-HMAC-SHA256 Credential=marker/marker/marker/marker/marker"]);
    expect((await send(headers, "{}", undefined, other)).body).not.toContain("marker");
    await post({ region: "us-east-1" }, other);
    await other.close(0);
    expect(JSON.stringify(other.log)).not.toContain("marker");
    expect(other.log[1]).toMatchObject({
      event: "unauthenticated",
      address: "127.0.0.1",
      accessKeyId,
      reason: "InvalidSignatureException",
    });
  });
});

describe("any headers", () => {
  const word = fc.stringMatching(/^[\t -~\x80-\xff]{0,24}$/);
  const credential = fc
    .array(fc.oneof(word, fc.constantFrom(accessKeyId, "20261122", region, "kms", "aws4_request")), { maxLength: 6 })
    .map((parts) => parts.join("/"));
  const signedHeaders = fc
    .array(fc.oneof(word, fc.constantFrom("host", "x-amz-date", "x-amz-target")), { maxLength: 5 })
    .map((names) => names.join(";"));
  const signature = fc.oneof(word, fc.constantFrom("0".repeat(64)));
  const authorization = fc
    .tuple(credential, signedHeaders, signature)
    .map((parts) => `AWS4-HMAC-SHA256 Credential=${parts[0]}, SignedHeaders=${parts[1]}, Signature=${parts[2]}`);
  const header = fc.oneof(
    fc.tuple(fc.constant("Authorization"), fc.oneof(authorization, word)),
    fc.tuple(fc.constant("X-Amz-Date"), fc.oneof(word, fc.constant(basicFormat(new Date())))),
    fc.tuple(fc.constantFrom("Host", "X-Amz-Target", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Any"), word),
  );
  const verifier = new SigV4Verifier({
    service: "kms",
    regions: new Set([region]),
    clock: systemClock,
    find: async (id) => (id === accessKeyId ? { revision: 1, kDate: async (date) => kDate(date) } : undefined),
  });
  const verify = async (headers: readonly (readonly [string, string])[], body = "") =>
    verifier.verify({ method: "POST", path: "/", query: "", headers: readHeaders(headers.flat()) }, Buffer.from(body));

  it("without a signature are refused, and nothing else happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(header, { maxLength: 8 }), async (headers) => {
        await expect(verify(headers)).rejects.toBeInstanceOf(KmsError);
      }),
      { numRuns: 1000 },
    );
  });

  it("of a signed request are refused with one octet changed, and so is its body", async () => {
    const body = '{"KeyId":"a"}';
    await expect(verify(sign("a", "Encrypt", { body }), body)).resolves.toMatchObject({ region });
    const octet = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
    const changed = (text: string, place: number, by: string): string => {
      const index = place % text.length;
      fc.pre(text[index] !== by);
      return text.slice(0, index) + by + text.slice(index + 1);
    };
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 5 }), fc.nat(), octet, async (which, place, by) => {
        const headers = sign("a", "Encrypt", { body });
        const header = headers[which];
        if (header) header[1] = changed(header[1], place, by);
        await expect(verify(headers, header ? body : changed(body, place, by))).rejects.toBeInstanceOf(KmsError);
      }),
      { numRuns: 1000 },
    );
  });
});
