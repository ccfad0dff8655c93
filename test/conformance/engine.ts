import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/base/bytes.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { selfTest } from "../../src/engine/self-test.ts";
import { deriverClaims } from "./engine-deriver.ts";
import { differentialClaims } from "./engine-differential.ts";
import { sm4Claims } from "./engine-sm4.ts";
import { vectorClaims } from "./engine-vectors.ts";

/** What every engine must do. The boundary has a suite of its own: boundary.ts. */
export function engineConformance(name: string, open: () => Promise<Engine>): void {
  describe(name, () => {
    let opened: Engine;
    const engine = () => opened;
    beforeAll(async () => {
      opened = await open();
    });

    it("passes its self-tests", () => selfTest(opened));
    describe("published vectors", () => vectorClaims(engine));
    describe("against node:crypto", () => differentialClaims(engine));
    describe("SM4-GCM", () => sm4Claims(engine));
    describe("authentication", () => authenticationClaims(engine));
    describe("lengths", () => lengthClaims(engine));
    describe("arguments and results", () => ownershipClaims(engine));
    describe("a deriver", () => deriverClaims(engine));
    describe("a DRBG", () => drbgClaims(engine));
    equalityClaims(engine);
  });
}

const key = new Uint8Array(32).fill(7);
const iv = new Uint8Array(12).fill(9);
const aad = utf8("additional data");

function authenticationClaims(engine: () => Engine): void {
  it("of GCM covers every bit of key, IV, additional data, ciphertext and tag", () => {
    const sealed = engine().gcmSeal(key, iv, aad, utf8("thirty-three octets of plaintext!"));
    for (const edited of edits(sealed)) expect(engine().gcmOpen(key, iv, aad, edited)).toBeNull();
    for (const edited of edits(aad)) expect(engine().gcmOpen(key, iv, edited, sealed)).toBeNull();
    for (const edited of edits(iv)) expect(engine().gcmOpen(key, edited, aad, sealed)).toBeNull();
    for (const edited of edits(key)) expect(engine().gcmOpen(edited, iv, aad, sealed)).toBeNull();
    expect(engine().gcmOpen(key, iv, aad, sealed)).not.toBeNull();
  });

  it("of GCM tells additional data from ciphertext", () => {
    const sealed = engine().gcmSeal(key, iv, new Uint8Array(16), new Uint8Array(16));
    expect(engine().gcmOpen(key, iv, new Uint8Array(32), sealed.subarray(16))).toBeNull();
  });

  it.each([1, 8, 9, 32, 121])("of KWP covers every bit of %i bytes", (length) => {
    const wrapped = engine().kwpWrap(key, new Uint8Array(length).fill(1));
    for (const edited of edits(wrapped)) expect(engine().kwpUnwrap(key, edited)).toBeNull();
    for (const edited of edits(key)) expect(engine().kwpUnwrap(edited, wrapped)).toBeNull();
  });
}

function lengthClaims(engine: () => Engine): void {
  it.each([0, 16, 31, 33])("of a key: %i is a RangeError", (length) => {
    const wrong = new Uint8Array(length);
    expect(() => engine().gcmSeal(wrong, iv, aad, aad)).toThrow(RangeError);
    expect(() => engine().gcmOpen(wrong, iv, aad, aad)).toThrow(RangeError);
    expect(() => engine().kwpWrap(wrong, aad)).toThrow(RangeError);
    expect(() => engine().kwpUnwrap(wrong, aad)).toThrow(RangeError);
  });

  it.each([0, 8, 11, 13, 16])("of an IV: %i is a RangeError", (length) => {
    expect(() => engine().gcmSeal(key, new Uint8Array(length), aad, aad)).toThrow(RangeError);
    expect(() => engine().gcmOpen(key, new Uint8Array(length), aad, new Uint8Array(16))).toThrow(RangeError);
  });

  it.each([0, 8193])("of material to wrap: %i is a RangeError", (length) => {
    expect(() => engine().kwpWrap(key, new Uint8Array(length))).toThrow(RangeError);
  });

  it.each([0, 15])("of %i bytes hold no tag: not authentic", (length) => {
    expect(engine().gcmOpen(key, iv, aad, new Uint8Array(length))).toBeNull();
  });

  it.each([0, 8, 15, 17, 20, 8208])("of %i bytes are no wrapping: not authentic", (length) => {
    expect(engine().kwpUnwrap(key, new Uint8Array(length))).toBeNull();
  });
}

function ownershipClaims(engine: () => Engine): void {
  it("leaves its arguments as they were", () => {
    const args = [key, iv, aad, utf8("plaintext")] as const;
    const before = args.map((bytes) => bytes.slice());
    const sealed = engine().gcmSeal(...args);
    const sealedBefore = sealed.slice();
    engine().gcmOpen(key, iv, aad, sealed);
    engine().kwpUnwrap(key, engine().kwpWrap(key, args[3]));
    engine().kbkdf(key, args[3]);
    engine().hmacSha256(new Uint8Array(100), args[3]);
    expect(args.map((bytes) => bytes.slice())).toEqual(before);
    expect(sealed).toEqual(sealedBefore);
  });

  it("answers in the array that it is given, of just the right length", () => {
    const plaintext = utf8("plaintext");
    const sealed = engine().gcmSeal(key, iv, aad, plaintext);
    const [into, back] = [new Uint8Array(sealed.length), new Uint8Array(plaintext.length)];
    expect(engine().gcmSeal(key, iv, aad, plaintext, into)).toBe(into);
    expect(into).toEqual(sealed);
    expect(engine().gcmOpen(key, iv, aad, sealed, back)).toBe(back);
    expect(back).toEqual(plaintext);
    for (const length of [0, 8, 10, 24, 26]) {
      expect(() => engine().gcmSeal(key, iv, aad, plaintext, new Uint8Array(length))).toThrow(RangeError);
      expect(() => engine().gcmOpen(key, iv, aad, sealed, new Uint8Array(length))).toThrow(RangeError);
    }
  });

  it("puts nothing of a forgery into the array that it is given", () => {
    const forged = engine().gcmSeal(key, iv, aad, new Uint8Array(100).fill(1));
    forged[110] = (forged[110] as number) ^ 1;
    const out = new Uint8Array(100);
    expect(engine().gcmOpen(key, iv, aad, forged, out)).toBeNull();
    expect(out).toEqual(new Uint8Array(100));
  });

  it("gives secrets in memory of their own", () => {
    const wrapped = engine().kwpWrap(key, utf8("material"));
    const sealed = engine().gcmSeal(key, iv, aad, utf8("plaintext"));
    const secrets = [
      engine().kbkdf(key, aad),
      engine().hmacSha256(key, aad),
      engine().gcmOpen(key, iv, aad, sealed),
      engine().kwpUnwrap(key, wrapped),
      engine().drbg(new Uint8Array(48), aad).generate(32),
    ];
    for (const secret of secrets) expect(secret?.buffer.byteLength).toBe(secret?.length);
  });
}

function drbgClaims(engine: () => Engine): void {
  const entropy = new Uint8Array(48).fill(3);

  it("depends on entropy and personalization alone, not on its neighbours", () => {
    const [one, two, other] = [aad, aad, utf8("other")].map((text) => engine().drbg(entropy, text));
    const first = one?.generate(100);
    other?.generate(1000);
    expect(two?.generate(100)).toEqual(first);
    expect(other?.generate(100)).not.toEqual(first);
  });

  it("never repeats itself", () => {
    const instance = engine().drbg(entropy, aad);
    const seen = new Set(Array.from({ length: 200 }, () => instance.generate(16).toHex()));
    expect(seen.size).toBe(200);
  });

  it.each([0, -1, 1.5, 65_537])("refuses a request of %d bytes", (length) => {
    expect(() => engine().drbg(entropy, aad).generate(length)).toThrow(RangeError);
  });

  it("refuses entropy and inputs of a wrong length", () => {
    expect(() => engine().drbg(new Uint8Array(47), aad)).toThrow(RangeError);
    expect(() => engine().drbg(entropy, new Uint8Array(49))).toThrow(RangeError);
    const instance = engine().drbg(entropy, aad);
    expect(() => instance.reseed(new Uint8Array(49))).toThrow(RangeError);
    expect(() => instance.generate(1, new Uint8Array(49))).toThrow(RangeError);
  });

  it("gives nothing once uninstantiated", () => {
    const instance = engine().drbg(entropy, aad);
    instance.uninstantiate();
    expect(() => instance.generate(16)).toThrow(expect.objectContaining({ kind: "internal" }));
    expect(() => instance.reseed(entropy)).toThrow(expect.objectContaining({ kind: "internal" }));
  });
}

function equalityClaims(engine: () => Engine): void {
  it("finds every difference of two arrays, whatever their length", () => {
    for (const length of [0, 1, 15, 16, 17, 31, 33, 100]) {
      const bytes = new Uint8Array(length).fill(5);
      expect(engine().equal(bytes, bytes.slice())).toBe(true);
      for (const edited of edits(bytes)) expect(engine().equal(bytes, edited)).toBe(false);
    }
    expect(engine().equal(new Uint8Array(3), new Uint8Array(4))).toBe(false);
    const long = new Uint8Array(200_001);
    const edited = long.slice();
    edited[200_000] = 1;
    expect(engine().equal(long, long.slice())).toBe(true);
    expect(engine().equal(long, edited)).toBe(false);
  });
}

/** Copies with one bit flipped, each bit once. */
export function* edits(bytes: Bytes): Generator<Bytes> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const edited = new Uint8Array(bytes);
    edited[bit >> 3] = (edited[bit >> 3] as number) ^ (1 << (bit & 7));
    yield edited;
  }
}
