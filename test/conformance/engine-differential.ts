import { createCipheriv, createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Engine } from "../../src/engine/engine.ts";

/** Random contents, lengths and alignments, checked against OpenSSL. */
export function differentialClaims(engine: () => Engine): void {
  const runs = { numRuns: 300 };

  it("GCM agrees and opens what it sealed", () => {
    fc.assert(
      fc.property(octets(32), octets(12), anyOctets(100), anyOctets(1500), (key, iv, aad, plaintext) => {
        const sealed = engine().gcmSeal(key, iv, aad, plaintext);
        expect(sealed).toEqual(gcm(key, iv, aad, plaintext));
        expect(engine().gcmOpen(key, iv, aad, sealed)).toEqual(plaintext);
      }),
      runs,
    );
  });

  it.each([0, 1, 15, 16, 17, 95, 96, 97, 111, 112, 113, 127, 128, 129, 1535, 1536, 1537, 4095, 4096, 4097])(
    "GCM agrees at %i bytes of plaintext and of additional data",
    (length) => {
      const key = filled(32, 1);
      const iv = filled(12, 2);
      for (const aadLength of [0, 1, 16, 33, length]) {
        const sealed = engine().gcmSeal(key, iv, filled(aadLength, 3), filled(length, 4));
        expect(sealed).toEqual(gcm(key, iv, filled(aadLength, 3), filled(length, 4)));
        expect(engine().gcmOpen(key, iv, filled(aadLength, 3), sealed)).toEqual(filled(length, 4));
      }
    },
  );

  it.each([65_535, 65_536, 65_537, 131_072, 200_003])("GCM agrees at %i bytes, both of them", (length) => {
    const [key, iv, long] = [filled(32, 5), filled(12, 6), filled(length, 7)];
    const sealed = engine().gcmSeal(key, iv, long, long);
    expect(sealed.toHex()).toBe(gcm(key, iv, long, long).toHex());
    expect(engine().gcmOpen(key, iv, long, sealed)?.toHex()).toBe(long.toHex());
    sealed[length - 1] = (sealed[length - 1] as number) ^ 1;
    expect(engine().gcmOpen(key, iv, long, sealed)).toBeNull();
  });

  it("SHA-256 agrees", () => {
    const digest = (message: Bytes) => createHash("sha256").update(message).digest("hex");
    fc.assert(
      fc.property(anyOctets(300), (message) => {
        expect(engine().sha256(message).toHex()).toBe(digest(message));
      }),
      runs,
    );
    for (const length of [65_535, 65_536, 65_537, 200_003]) {
      expect(engine().sha256(filled(length, 8)).toHex()).toBe(digest(filled(length, 8)));
    }
  });

  it("HMAC and KBKDF agree, whatever the length of the key", () => {
    const mac = (key: Bytes, ...parts: Bytes[]) =>
      parts.reduce((hmac, part) => hmac.update(part), createHmac("sha256", key)).digest("hex");
    fc.assert(
      fc.property(anyOctets(200), anyOctets(300), (key, message) => {
        expect(engine().hmacSha256(key, message).toHex()).toBe(mac(key, message));
        expect(engine().kbkdf(key, message).toHex()).toBe(mac(key, Uint8Array.of(0, 0, 0, 1), message));
      }),
      runs,
    );
    const long = filled(200_003, 9);
    expect(engine().hmacSha256(long, long).toHex()).toBe(mac(long, long));
  });

  it("KWP agrees and unwraps what it wrapped", () => {
    fc.assert(
      fc.property(octets(32), fc.oneof(anyOctets(80, 1), anyOctets(8192, 1)), (kek, material) => {
        const wrapped = engine().kwpWrap(kek, material);
        const cipher = createCipheriv("id-aes256-wrap-pad", kek, Uint8Array.of(0xa6, 0x59, 0x59, 0xa6));
        expect(wrapped.toHex()).toBe(cipher.update(material, undefined, "hex"));
        expect(engine().kwpUnwrap(kek, wrapped)?.toHex()).toBe(material.toHex());
      }),
      { numRuns: 100 },
    );
  });
}

function gcm(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
}

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Up to `most` bytes that begin anywhere in their buffer. */
const anyOctets = (most: number, least = 0) =>
  fc
    .tuple(fc.uint8Array({ minLength: least, maxLength: most, size: "max" }), fc.nat(17))
    .map(([bytes, offset]) => new Uint8Array([...new Uint8Array(offset), ...bytes]).subarray(offset));

/** `length` bytes that differ from block to block. */
export const filled = (length: number, seed: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 17 + seed) & 0xff);
