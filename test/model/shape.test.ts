import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import {
  blob,
  boolean,
  enumeration,
  integer,
  list,
  optional,
  readRequest,
  string,
  stringMap,
  structure,
  unaudited,
} from "../../src/model/shape.ts";

const request = structure({
  KeyId: string({ min: 1, max: 5 }),
  Plaintext: optional(blob({ min: 1, max: 4 })),
  Count: optional(integer({ min: 1, max: 10 })),
  Spec: optional(enumeration(["A", "B"])),
  Flag: optional(boolean),
  Context: optional(stringMap()),
  Tags: optional(list(structure({ TagKey: string({ min: 1 }) }))),
  Token: optional(unaudited(string())),
});

function refusal(value: unknown): { code: string; message: string } {
  try {
    readRequest(request, value);
  } catch (error) {
    if (error instanceof KmsError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a request's shape", () => {
  it("reads what fits, null as absent", () => {
    expect(
      readRequest(request, { KeyId: "a", Plaintext: "AQI=", Count: 3, Spec: "B", Flag: null, Tags: [{ TagKey: "t" }] }),
    ).toEqual({ KeyId: "a", Plaintext: Uint8Array.of(1, 2), Count: 3, Spec: "B", Tags: [{ TagKey: "t" }] });
  });

  it.each([
    [{}, "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"],
    [
      { KeyId: "a", Count: 0 },
      "1 validation error detected: Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      { KeyId: "a", Spec: "C" },
      "1 validation error detected: Value 'C' at 'spec' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
    ],
    [
      { KeyId: "a", Tags: [{ TagKey: "" }] },
      "1 validation error detected: Value at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      { KeyId: "toolong", Plaintext: "AQIDBAU=" },
      "2 validation errors detected: Value at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 5; Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4",
    ],
    [{ KeyId: "a", Other: 1 }, "1 validation error detected: Unknown member 'Other'"],
  ])("refuses %j in AWS's words", (value, message) => {
    expect(refusal(value)).toEqual({ code: "ValidationException", message });
  });

  it.each([
    { KeyId: 1 },
    { KeyId: ["a"] },
    { KeyId: "a", Plaintext: "AQI" },
    { KeyId: "a", Plaintext: "A-_=" },
    { KeyId: "a", Count: "3" },
    { KeyId: "a", Count: 1.5 },
    { KeyId: "a", Flag: "yes" },
    { KeyId: "a", Context: ["x"] },
    { KeyId: "a", Context: { x: 1 } },
    { KeyId: "a", Context: { x: "\ud800" } },
    { KeyId: "a", Context: { "\udfff": "x" } },
    { KeyId: "\ud800" },
    "a",
    null,
    [],
  ])("refuses %j as a value of the wrong type", (value) => {
    expect(refusal(value).code).toBe("SerializationException");
  });

  it("keeps __proto__ as a key like any other", () => {
    const { Context } = readRequest(request, JSON.parse('{"KeyId":"a","Context":{"__proto__":"x","constructor":"y"}}'));
    expect(Object.entries(Context ?? {})).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(refusal(JSON.parse('{"KeyId":"a","__proto__":{}}')).message).toContain("__proto__");
  });

  it("shows an audit event neither blobs nor what is marked", () => {
    const value = readRequest(request, { KeyId: "a", Plaintext: "AQI=", Context: { a: "b" }, Token: "t" });
    expect(request.audit(value)).toEqual({ keyId: "a", context: { a: "b" } });
  });

  it("refuses everything else with an error of its own, and never says a long value back", () => {
    fc.assert(
      fc.property(
        fc.record({ KeyId: fc.anything(), Plaintext: fc.anything(), X: fc.string({ minLength: 200 }) }),
        (value) => {
          const { message } = refusal(value);
          expect(message).not.toContain(value.X);
          expect(message.length).toBeLessThan(1000);
        },
      ),
    );
  });
});
