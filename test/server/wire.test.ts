import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import { toWire } from "../../src/server/errors.ts";
import { toJson } from "../../src/server/wire.ts";

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.array(tie("tree")),
    fc.dictionary(fc.string(), tie("tree")),
  ),
}));

describe("a response", () => {
  it("has base64 octets, seconds, and no absent members", () => {
    const text = toJson({
      CiphertextBlob: Uint8Array.of(0, 255, 16),
      CreationDate: new Date(1_593_622_000_191),
      Enabled: false,
      Limit: 0,
      Description: "",
      Absent: undefined,
      Nothing: null,
      KeyMetadata: { Tags: [{ TagKey: 'a"b', Date: new Date(0) }], Blobs: [Uint8Array.of(1)] },
    });
    expect(text).toBe(
      '{"CiphertextBlob":"AP8Q","CreationDate":1593622000.191,"Enabled":false,"Limit":0,"Description":"",' +
        '"KeyMetadata":{"Tags":[{"TagKey":"a\\"b","Date":0}],"Blobs":["AQ=="]}}',
    );
  });

  it("keeps a member of any name", () => {
    const context = JSON.parse('{"__proto__":"a"}');
    expect(toJson({ context })).toBe('{"context":{"__proto__":"a"}}');
  });

  it("is what JSON.stringify makes of any JSON object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), tree), (value) => {
        expect(toJson(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("leaves no plaintext in memory that it was given, and lets the rest alone", () => {
    const octets = () => Uint8Array.of(1, 2, 3);
    const response = {
      Plaintext: octets(),
      PrivateKeyPlaintext: octets(),
      SharedSecret: octets(),
      PublicKey: octets(),
    };
    toJson(response);
    const zeros = new Uint8Array(3);
    expect(response).toEqual({
      Plaintext: zeros,
      PrivateKeyPlaintext: zeros,
      SharedSecret: zeros,
      PublicKey: octets(),
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol("x"), [null], new Date(Number.NaN)])(
    "cannot hold %s, and its plaintext is wiped nevertheless",
    (Value) => {
      const Plaintext = Uint8Array.of(1);
      expect(() => toJson({ Plaintext, Value })).toThrow(TypeError);
      expect(Plaintext).toEqual(Uint8Array.of(0));
    },
  );
});

describe("an error", () => {
  it.each([
    [new KmsError("NotFoundException", "policy"), 400, { message: "No such policy exists" }],
    [new KmsError("AccessDeniedException", "ciphertext"), 400, { Message: expect.stringMatching(/^The ciphertext /) }],
    [new KmsError("InvalidCiphertextException"), 400, {}],
    [new KmsError("KMSInternalException", "failure"), 500, { message: expect.stringMatching(/internal/) }],
    [new KmsError("DependencyTimeoutException", "timeout"), 500, { message: expect.stringMatching(/retry/) }],
    [new KmsError("RequestEntityTooLarge", "body", { limit: 1 }), 413, { message: expect.stringMatching(/ 1 bytes/) }],
  ])("is answered as AWS does: %s", (error, status, members) => {
    const answer = toWire(error);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ __type: error.code, ...members });
  });
});
