import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex, utf8 } from "../../src/base/bytes.ts";
import { binding } from "../../src/model/encryption-context.ts";

const keyId = "1234abcd-12ab-34cd-56ef-1234567890ab";
const map = fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), { maxKeys: 6 });

describe("the binding of a ciphertext", () => {
  it("has the pinned layout", () => {
    expect(hex(binding(keyId, { b: "2", a: "" }))).toBe(
      `0024${hex(utf8(keyId))}0002${"00000001" + "61"}00000000${"00000001" + "62"}${"00000001" + "32"}`,
    );
    expect(hex(binding(keyId))).toBe(`0024${hex(utf8(keyId))}0000`);
  });

  it("does not depend on the order of pairs", () => {
    fc.assert(
      fc.property(map, (context) => {
        const reversed = Object.fromEntries(Object.entries(context).reverse());
        expect(binding(keyId, reversed)).toEqual(binding(keyId, context));
      }),
    );
  });

  it("is different for different contexts", () => {
    fc.assert(
      fc.property(map, map, (one, other) => {
        const same = JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
        expect(hex(binding(keyId, one)) === hex(binding(keyId, other))).toBe(same);
      }),
    );
    expect(binding(keyId, { a: "bc" })).not.toEqual(binding(keyId, { ab: "c" }));
  });

  it("sorts by UTF-8, not by UTF-16", () => {
    const context = { "\u{ff5e}": "1", "\u{1f600}": "2" };
    const text = hex(binding(keyId, context));
    expect(text.indexOf(hex(utf8("\u{ff5e}")))).toBeLessThan(text.indexOf(hex(utf8("\u{1f600}"))));
  });

  it("is refused beyond 8,192 bytes", () => {
    expect(() => binding(keyId, { a: "x".repeat(8181) })).not.toThrow();
    expect(() => binding(keyId, { a: "x".repeat(8182) })).toThrow("too large");
  });
});
