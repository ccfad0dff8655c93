import { createCipheriv, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concat, fromHex, hex } from "../../src/base/bytes.ts";
import type { Engine, Sm4 } from "../../src/engine/engine.ts";
import { edits } from "./engine.ts";

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/sm4.json"), "utf8"));
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Of every engine here: none of the platforms that the tests run on lacks SM4. */
export function sm4Claims(engine: () => Engine): void {
  const sm4 = () => engine().sm4 as Sm4;

  it("gives the answer of RFC 8998, and opens it", () => {
    const { gcm } = vectors;
    const [key, iv, aad, plaintext] = [gcm.key, gcm.iv, gcm.aad, gcm.plaintext].map(fromHex) as [
      Bytes,
      Bytes,
      Bytes,
      Bytes,
    ];
    const sealed = sm4().seal(key, iv, aad, plaintext);
    expect(hex(sealed)).toBe(gcm.ciphertext + gcm.tag);
    expect(sm4().open(key, iv, aad, sealed)).toEqual(plaintext);
  });

  it("encrypts the counters of SP 800-38D as GB/T 32907 says", () => {
    const key = Uint8Array.from(randomBytes(16));
    const iv = Uint8Array.from(randomBytes(12));
    const blocks = 600;
    const counters = concat(
      ...Array.from({ length: blocks }, (_, i) => concat(iv, Uint8Array.of(0, 0, (i + 2) >> 8, i + 2))),
    );
    const stream = sm4().seal(key, iv, new Uint8Array(), new Uint8Array(16 * blocks));
    expect(hex(stream.subarray(0, -16))).toBe(hex(encryptBlocks(key, counters)));
  });

  it("agrees with OpenSSL, whatever the lengths, and opens what it sealed", () => {
    const any = (most: number) => fc.uint8Array({ maxLength: most });
    fc.assert(
      fc.property(octets(16), octets(12), any(100), any(1500), (key, iv, aad, plaintext) => {
        const sealed = sm4().seal(key, iv, aad, plaintext);
        expect(hex(sealed)).toBe(hex(gcm(key, iv, aad, plaintext)));
        expect(sm4().open(key, iv, aad, sealed)).toEqual(plaintext);
      }),
      { numRuns: 200 },
    );
    for (const length of [4095, 4096, 65_535, 65_536, 65_537, 131_072]) {
      const [key, iv, long] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2), new Uint8Array(length).fill(3)];
      const sealed = sm4().seal(key, iv, long, long);
      expect(hex(sealed)).toBe(hex(gcm(key, iv, long, long)));
      expect(sm4().open(key, iv, long, sealed)).toEqual(long);
    }
  });

  it("opens nothing that differs in a bit of key, IV, additional data, ciphertext or tag", () => {
    const [key, iv, aad] = [new Uint8Array(16).fill(7), new Uint8Array(12).fill(9), new Uint8Array(5).fill(3)];
    const sealed = sm4().seal(key, iv, aad, new Uint8Array(33).fill(4));
    for (const edited of edits(sealed)) expect(sm4().open(key, iv, aad, edited)).toBeNull();
    for (const edited of edits(aad)) expect(sm4().open(key, iv, edited, sealed)).toBeNull();
    for (const edited of edits(iv)) expect(sm4().open(key, edited, aad, sealed)).toBeNull();
    for (const edited of edits(key)) expect(sm4().open(edited, iv, aad, sealed)).toBeNull();
    for (const length of [0, 15]) expect(sm4().open(key, iv, aad, new Uint8Array(length))).toBeNull();
    expect(sm4().open(key, iv, aad, sealed)).toEqual(new Uint8Array(33).fill(4));
  });

  it("takes keys of 16 bytes and IVs of 12", () => {
    const [key, iv, text] = [new Uint8Array(16), new Uint8Array(12), new Uint8Array(40)];
    for (const length of [0, 15, 17, 32]) {
      expect(() => sm4().seal(new Uint8Array(length), iv, text, text)).toThrow(RangeError);
      expect(() => sm4().open(new Uint8Array(length), iv, text, text)).toThrow(RangeError);
    }
    for (const length of [0, 11, 13, 16]) {
      expect(() => sm4().seal(key, new Uint8Array(length), text, text)).toThrow(RangeError);
      expect(() => sm4().open(key, new Uint8Array(length), text, text)).toThrow(RangeError);
    }
  });

  it("leaves AES-256-GCM as it was, before and behind it", () => {
    const [key, iv, text] = [new Uint8Array(32).fill(1), new Uint8Array(12), new Uint8Array(700).fill(5)];
    const before = engine().gcmSeal(key, iv, text, text);
    sm4().seal(key.subarray(0, 16), iv, text, text);
    expect(engine().gcmSeal(key, iv, text, text)).toEqual(before);
  });
}

/** What the engines are compared with is the standard's, and not OpenSSL's alone. */
export function sm4OfOpenSsl(): void {
  describe("SM4 of OpenSSL", () => {
    const { key, plaintext, once, aMillionTimes } = vectors.block;

    it("gives both answers of GB/T 32907", () => {
      expect(hex(encryptBlocks(fromHex(key), fromHex(plaintext)))).toBe(once);
      // The chain of CBC over zeros is encryption over and over.
      const chain = createCipheriv("sm4-cbc", fromHex(key), fromHex(plaintext)).setAutoPadding(false);
      expect(hex(chain.update(new Uint8Array(16 * 1_000_000)).subarray(-16))).toBe(aMillionTimes);
    });
  });
}

const encryptBlocks = (key: Bytes, blocks: Bytes): Bytes =>
  createCipheriv("sm4-ecb", key, null).setAutoPadding(false).update(blocks);

function gcm(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  const cipher = createCipheriv("sm4-gcm" as "aes-128-gcm", key, iv).setAAD(aad);
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}
