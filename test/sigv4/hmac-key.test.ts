import { createHmac, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HmacKey } from "../../src/sigv4/hmac-key.ts";

describe("a prepared HMAC key", () => {
  it.each([0, 1, 32, 63, 64])("of %i bytes makes what node:crypto makes, whatever was signed before", (length) => {
    const key = randomBytes(length);
    const prepared = new HmacKey(key);
    for (const size of [512, 0, 1, 55, 56, 64, 137, 511]) {
      const text = "a~".repeat(size).slice(0, size);
      expect(prepared.mac(text)).toBe(createHmac("sha256", key).update(text).digest("hex"));
    }
  });

  it("refuses keys and texts that it has no room for", () => {
    expect(() => new HmacKey(new Uint8Array(65))).toThrow(RangeError);
    expect(() => new HmacKey(new Uint8Array(32)).mac("a".repeat(513))).toThrow(RangeError);
  });

  it("is of no use once it is wiped", () => {
    const key = randomBytes(32);
    const prepared = new HmacKey(key);
    const before = prepared.mac("text");
    prepared.wipe();
    expect(prepared.mac("text")).not.toBe(before);
  });
});
