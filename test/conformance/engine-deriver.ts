import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/base/bytes.ts";
import type { Deriver, Engine } from "../../src/engine/engine.ts";

const hbk = new Uint8Array(32).map((_, i) => i * 7);
const fixedInput = new Uint8Array(48).map((_, i) => i);
const iv = new Uint8Array(12).fill(9);
const aad = utf8("additional data");
const plaintext = utf8("plaintext");

/** What `Engine.deriver` must do, whatever it keeps of an HBK. */
export function deriverClaims(engine: () => Engine): void {
  let deriver: Deriver;
  beforeEach(() => {
    deriver = engine().deriver(hbk);
  });
  afterEach(() => deriver.close());

  it("seals as KBKDF and GCM one after the other do, and opens what they sealed", () => {
    const octets = (most: number) => fc.uint8Array({ maxLength: most, size: "max" });
    fc.assert(
      fc.property(octets(150), octets(100), octets(1500), (fixed, aad, plaintext) => {
        const sealed = engine().gcmSeal(engine().kbkdf(hbk, fixed), iv, aad, plaintext);
        expect(deriver.seal(fixed, iv, aad, plaintext)).toEqual(sealed);
        expect(deriver.open(fixed, iv, aad, sealed)).toEqual(plaintext);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [1024, 20_000, 100],
    [0, 100, 200_003],
  ])("takes %i bytes of fixed input, %i of additional data, %i of plaintext", (fixed, additional, length) => {
    const [input, data, long] = [new Uint8Array(fixed), new Uint8Array(additional), new Uint8Array(length).fill(3)];
    const sealed = deriver.seal(input, iv, data, long);
    expect(sealed.toHex()).toBe(engine().gcmSeal(engine().kbkdf(hbk, input), iv, data, long).toHex());
    expect(deriver.open(input, iv, data, sealed)?.toHex()).toBe(long.toHex());
  });

  it("seals and opens each of many messages as it does one alone", () => {
    const octets = (most: number) => fc.uint8Array({ maxLength: most, size: "max" });
    const iv = fc.uint8Array({ minLength: 12, maxLength: 12 });
    const fixed = fc.oneof(fc.uint8Array({ minLength: 48, maxLength: 48 }), octets(60));
    const message = fc.record({ fixedInput: fixed, iv, aad: octets(100), text: octets(300) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 13 }), fc.nat(12), (messages, broken) => {
        const sealed = deriver.sealEach(messages);
        expect(sealed).toEqual(messages.map((each) => deriver.seal(each.fixedInput, each.iv, each.aad, each.text)));
        const closed = messages.map((message, i) => ({ ...message, text: sealed[i] as Bytes }));
        expect(deriver.openEach(closed)).toEqual(messages.map(({ text }) => text));
        const wrong = closed.map((message, i) =>
          i === broken ? { ...message, iv: message.iv.map((b) => ~b) } : message,
        );
        expect(deriver.openEach(wrong)).toEqual(messages.map(({ text }, i) => (i === broken ? null : text)));
      }),
      { numRuns: 100 },
    );
  });

  it("does nothing to many messages when one has a wrong length", () => {
    const good = { fixedInput, iv, aad, text: plaintext };
    for (const bad of [
      { ...good, iv: new Uint8Array(11) },
      { ...good, fixedInput: new Uint8Array(1025) },
    ]) {
      expect(() => deriver.sealEach([good, good, bad, good])).toThrow(RangeError);
      expect(() => deriver.openEach([good, good, bad, good])).toThrow(RangeError);
    }
    expect(deriver.sealEach([])).toEqual([]);
  });

  it("opens nothing under another HBK, fixed input, IV or additional data", () => {
    const sealed = deriver.seal(fixedInput, iv, aad, plaintext);
    const other = engine().deriver(hbk.with(31, 1));
    expect(other.open(fixedInput, iv, aad, sealed)).toBeNull();
    other.close();
    expect(deriver.open(fixedInput.with(0, 1), iv, aad, sealed)).toBeNull();
    expect(deriver.open(fixedInput, iv.with(0, 1), aad, sealed)).toBeNull();
    expect(deriver.open(fixedInput, iv, aad.with(0, 1), sealed)).toBeNull();
    expect(deriver.open(fixedInput, iv, aad, sealed.with(0, (sealed[0] as number) ^ 1))).toBeNull();
    expect(deriver.open(fixedInput, iv, aad, sealed.subarray(0, 15))).toBeNull();
    expect(deriver.open(fixedInput, iv, aad, sealed)).toEqual(plaintext);
  });

  it("answers in the array that it is given", () => {
    const [into, back] = [new Uint8Array(25), new Uint8Array(9)];
    expect(deriver.seal(fixedInput, iv, aad, plaintext, into)).toBe(into);
    expect(deriver.open(fixedInput, iv, aad, into, back)).toBe(back);
    expect(back).toEqual(plaintext);
    expect(() => deriver.seal(fixedInput, iv, aad, plaintext, back)).toThrow(RangeError);
    expect(() => deriver.open(fixedInput, iv, aad, into, into)).toThrow(RangeError);
  });

  it("refuses an HBK, an IV and fixed input of a wrong length", () => {
    for (const length of [0, 31, 33]) expect(() => engine().deriver(new Uint8Array(length))).toThrow(RangeError);
    for (const length of [0, 11, 13]) {
      expect(() => deriver.seal(fixedInput, new Uint8Array(length), aad, plaintext)).toThrow(RangeError);
      expect(() => deriver.open(fixedInput, new Uint8Array(length), aad, new Uint8Array(20))).toThrow(RangeError);
    }
    expect(() => deriver.seal(new Uint8Array(1025), iv, aad, plaintext)).toThrow(RangeError);
    expect(() => deriver.open(new Uint8Array(1025), iv, aad, new Uint8Array(20))).toThrow(RangeError);
  });

  it("is one of 512 that can be open at once, and of any number one after the other", () => {
    const openMany = () => Array.from({ length: 511 }, (_, i) => engine().deriver(keyOf(i)));
    for (const deriver of openMany()) deriver.close();
    const many = openMany();
    for (const [i, one] of many.entries()) {
      const sealed = engine().gcmSeal(engine().kbkdf(keyOf(i), fixedInput), iv, aad, plaintext);
      expect(one.open(fixedInput, iv, aad, sealed)).toEqual(plaintext);
      one.close();
    }
  });

  it("keeps its own copy of the HBK, and none once closed", () => {
    const key = hbk.slice();
    const closing = engine().deriver(key);
    key.fill(0);
    const sealed = closing.seal(fixedInput, iv, aad, plaintext);
    expect(sealed).toEqual(deriver.seal(fixedInput, iv, aad, plaintext));
    closing.close();
    closing.close();
    const closed = expect.objectContaining({ kind: "internal" });
    expect(() => closing.seal(fixedInput, iv, aad, plaintext)).toThrow(closed);
    expect(() => closing.open(fixedInput, iv, aad, sealed)).toThrow(closed);
    expect(() => closing.sealEach([{ fixedInput, iv, aad, text: plaintext }])).toThrow(closed);
    expect(deriver.open(fixedInput, iv, aad, sealed)).toEqual(plaintext);
  });
}

function keyOf(i: number): Bytes {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, i);
  return key;
}
