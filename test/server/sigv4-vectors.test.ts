import { createHmac, hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { readAuthorization } from "../../src/server/authorization.ts";
import { readHeaders } from "../../src/server/headers.ts";
import { SigV4Verifier } from "../../src/server/sigv4.ts";
import { canonicalRequest, stringToSign, type WireRequest } from "../../src/sigv4/canonical.ts";

interface Vector {
  readonly "context.json": {
    readonly credentials: {
      readonly access_key_id: string;
      readonly secret_access_key: string;
      readonly token?: string;
    };
    readonly normalize: boolean;
    readonly region: string;
    readonly service: string;
    readonly timestamp: string;
  };
  readonly "header-canonical-request.txt": string;
  readonly "header-string-to-sign.txt": string;
  readonly "header-signed-request.txt": string;
}

const { cases } = JSON.parse(readFileSync(new URL("../vectors/sigv4.json", import.meta.url), "utf8")) as {
  cases: Record<string, Vector>;
};

/** A session token that is sent, but not signed. */
const refused = "post-sts-header-after";

describe("the signing test suite of AWS", () => {
  it("has its 38 cases", () => expect(Object.keys(cases)).toHaveLength(38));

  it.each(Object.entries(cases))("%s", async (name, vector) => {
    const { request, body } = parse(vector["header-signed-request.txt"]);
    const { normalize } = vector["context.json"];
    const authorization = readAuthorization(request.headers);
    const canonical = canonicalRequest(request, authorization.signedHeaders, hash("sha256", body), normalize);
    expect(canonical).toBe(vector["header-canonical-request.txt"]);
    expect(stringToSign(authorization, canonical)).toBe(vector["header-string-to-sign.txt"]);

    const verification = verifierOf(vector).verify(request, body);
    if (name === refused) {
      await expect(verification).rejects.toThrow("'x-amz-security-token' must be a 'SignedHeader'");
    } else {
      expect((await verification).region).toBe("us-east-1");
    }
  });
});

function verifierOf(vector: Vector) {
  const { credentials, region, service, timestamp, normalize } = vector["context.json"];
  const now = Date.parse(timestamp);
  const clock: Clock = { now: () => now, real: () => now };
  return new SigV4Verifier({
    service,
    regions: new Set([region]),
    clock,
    normalizePath: normalize,
    find: async (id, token) =>
      id === credentials.access_key_id && token === credentials.token
        ? {
            revision: 1,
            kDate: async (date: string) =>
              createHmac("sha256", `AWS4${credentials.secret_access_key}`).update(date).digest(),
          }
        : undefined,
  });
}

/** As Node would read it, one character per octet; a folded line is kept as it is. */
function parse(text: string): { request: WireRequest; body: Buffer } {
  const octets = Buffer.from(text).toString("latin1");
  const [head = "", body = ""] = octets.split("\n\n");
  const [requestLine = "", ...lines] = head.split(/\n(?! )/);
  const method = requestLine.slice(0, requestLine.indexOf(" "));
  const target = requestLine.slice(method.length + 1, requestLine.lastIndexOf(" "));
  const [path = "", query = ""] = target.split("?");
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { request: { method, path, query, headers: readHeaders(rawHeaders) }, body: Buffer.from(body, "latin1") };
}
