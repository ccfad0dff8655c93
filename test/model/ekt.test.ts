import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concat, hex } from "../../src/base/bytes.ts";
import { HsmError } from "../../src/base/errors.ts";
import { domainKeyIdOf, ektBody, ektHead, ektSuites, parseEkt, parseEktHead } from "../../src/model/ekt.ts";
import { type HbkKind, hbkKinds } from "../../src/model/hbk.ts";
import { keySpecs, keyUsages, origins } from "../../src/model/key-spec.ts";

const filled = (length: number, value: number): Bytes => new Uint8Array(length).fill(value);

const meta = {
  kind: "kms-symmetric",
  spec: "SYMMETRIC_DEFAULT",
  usage: "ENCRYPT_DECRYPT",
  origin: "AWS_KMS",
  account: "111122223333",
  region: "eu-central-1",
  keyId: filled(16, 0x33),
} as const;
const head = ektHead(ektSuites.gcm, filled(16, 0x11), undefined, meta);
const token = concat(ektBody(head, filled(32, 0x44), filled(44, 0x55)), filled(16, 0x66));

function refuses(bytes: Bytes): void {
  for (const parse of [parseEkt, parseEktHead]) {
    expect(() => parse(bytes), hex(bytes)).toThrow(expect.objectContaining({ kind: "refused" }));
  }
}

describe("a key token", () => {
  it("has the bytes that are pinned", () => {
    expect(hex(token)).toBe(
      [
        "01",
        "01",
        "11".repeat(16),
        "00".repeat(16),
        "01",
        "01",
        "01",
        "01",
        "0c313131313232323233333333",
        "0c65752d63656e7472616c2d31",
        "33".repeat(16),
        "44".repeat(32),
        "002c",
        "55".repeat(44),
        "66".repeat(16),
      ].join(""),
    );
  });

  it("has codes for kinds, specs, usages and origins that are pinned", () => {
    const codes = (change: object) => [
      ...ektHead(ektSuites.gcm, filled(16, 0), undefined, { ...meta, ...change }).subarray(34, 38),
    ];
    expect(codes({ kind: "index", spec: "HMAC_256", usage: "INTERNAL", origin: "EXTERNAL" })).toEqual([8, 11, 16, 2]);
    expect(codes({ kind: "kms-private", spec: "ML_KEM_1024", usage: "ENCAPSULATE_DECAPSULATE" })).toEqual([
      3, 20, 5, 1,
    ]);
  });

  it("is read as it was written", () => {
    const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
    const anyMeta = fc.record({
      kind: fc.constantFrom(...(Object.keys(hbkKinds) as HbkKind[])),
      spec: fc.constantFrom(...keySpecs),
      usage: fc.constantFrom(...keyUsages, "INTERNAL" as const),
      origin: fc.constantFrom(...origins),
      account: fc.stringMatching(/^[0-9]{0,12}$/),
      region: fc.stringMatching(/^[a-z0-9-]{0,30}$/),
      keyId: bytes(16),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(ektSuites)),
        anyMeta,
        bytes(16),
        bytes(16),
        bytes(32),
        bytes(0, 300),
        bytes(32),
        (suite, someMeta, domainKeyId, macKeyId, hbkId, wrapped, anyTag) => {
          const someHead = ektHead(suite, domainKeyId, macKeyId, someMeta);
          const tag = suite === ektSuites.gcm ? anyTag.subarray(16) : anyTag;
          const fields = { suite, domainKeyId, macKeyId, meta: someMeta };
          expect(parseEktHead(someHead)).toEqual(fields);
          expect(domainKeyIdOf(someHead)).toEqual(domainKeyId);
          const parsed = parseEkt(concat(ektBody(someHead, hbkId, wrapped), tag));
          expect(parsed).toEqual({ ...fields, head: someHead, hbkId, wrapped, tag });
        },
      ),
    );
  });

  it("is refused when it is cut anywhere, or lengthened", () => {
    for (let length = 0; length < token.length; length++) {
      expect(() => parseEkt(token.subarray(0, length)), `${length}`).toThrow(HsmError);
    }
    for (let length = 0; length < head.length; length++) {
      expect(() => parseEktHead(head.subarray(0, length)), `${length}`).toThrow(HsmError);
    }
    refuses(concat(token, Uint8Array.of(0)));
    expect(() => parseEktHead(token)).toThrow(HsmError);
    expect(() => parseEkt(head)).toThrow(HsmError);
  });

  it.each([
    ["version", 0, [0, 2, 255]],
    ["suite", 1, [0, 5, 255]],
    ["kind", 34, [0, 9, 255]],
    ["spec", 35, [0, keySpecs.length + 1, 255]],
    ["usage", 36, [0, keyUsages.length + 1, 15, 17, 255]],
    ["origin", 37, [0, origins.length + 1, 255]],
    ["region that is not UTF-8", 52, [0xff]],
  ] as const)("is refused with an unknown %s", (_, index, values) => {
    for (const value of values) {
      for (const whole of [token, head]) {
        const changed = whole.slice();
        changed[index] = value;
        refuses(changed);
      }
    }
  });

  it("is refused, never misread, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          const { head: begin, hbkId, wrapped, tag } = parseEkt(bytes);
          expect(concat(ektBody(begin, hbkId, wrapped), tag)).toEqual(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(HsmError);
        }
      }),
    );
  });
});
