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
    [new KmsError("NotFoundException", "m"), 400, '{"__type":"NotFoundException","message":"m"}'],
    [new KmsError("AccessDeniedException", "m"), 400, '{"__type":"AccessDeniedException","Message":"m"}'],
    [new KmsError("InvalidCiphertextException"), 400, '{"__type":"InvalidCiphertextException"}'],
    [new KmsError("KMSInternalException", "m"), 500, '{"__type":"KMSInternalException","message":"m"}'],
    [new KmsError("DependencyTimeoutException"), 500, '{"__type":"DependencyTimeoutException"}'],
    [new KmsError("KeyUnavailableException"), 500, '{"__type":"KeyUnavailableException"}'],
    [new KmsError("RequestEntityTooLarge"), 413, '{"__type":"RequestEntityTooLarge"}'],
    [new KmsError("RequestTimeout"), 408, '{"__type":"RequestTimeout"}'],
    [new KmsError("ServiceUnavailableException"), 503, '{"__type":"ServiceUnavailableException"}'],
  ])("is answered as AWS does: %s", (error, status, body) => {
    expect(toWire(error)).toEqual({ status, body });
  });
});
