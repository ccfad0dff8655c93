import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "../../../src/hsm/pkcs11/codec.ts";
import { FrameWriter } from "../../../src/hsm/pkcs11/frame-writer.ts";

const bytes = fc.uint8Array({ maxLength: 40 });
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.constantFrom(undefined, null, true, false),
    fc.double({ noNaN: true }),
    fc.string(),
    bytes,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

function frame(call: number, code: number, value: unknown): Uint8Array {
  const writer = new FrameWriter();
  writer.add(call, code, value);
  return writer.take();
}

describe("frames", () => {
  it("carry every kind of value, however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), (values, size) => {
        const reader = new FrameReader();
        const stream = Buffer.concat(values.map((value, i) => frame(i, 200 + i, value)));
        const found = [];
        for (let at = 0; at < stream.length; at += size)
          found.push(...reader.push(Buffer.from(stream.subarray(at, at + size))));
        expect(found.map(({ call, code, value }) => ({ call, code, value }))).toEqual(
          values.map((value, i) => ({ call: i, code: 200 + i, value })),
        );
      }),
    );
  });

  it("are refused, or read, whatever their octets are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 60 }), (body) => {
        const framed = Buffer.concat([Buffer.alloc(4), body]);
        framed.writeUInt32BE(body.length);
        try {
          new FrameReader().push(framed);
        } catch (error) {
          expect([RangeError, TypeError]).toContain((error as Error).constructor);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("are refused when they claim to be longer than any call, before they have come", () => {
    expect(() => new FrameReader().push(Buffer.from("7fffffff", "hex"))).toThrow(RangeError);
    expect(() => new FrameReader().push(Buffer.from("00000001", "hex"))).toThrow(RangeError);
  });

  it("leave nothing of what they carried in what was received", () => {
    const received = Buffer.from(frame(1, 0, new Uint8Array(32).fill(0x5a)));
    const [{ value, memory } = { value: undefined, memory: new Uint8Array() }] = new FrameReader().push(received);
    expect(received.every((octet) => octet === 0)).toBe(true);
    memory.fill(0);
    expect(value).toEqual(new Uint8Array(32));
  });

  it("do not take what cannot cross, and those before it do", () => {
    const writer = new FrameWriter();
    writer.add(1, 0, "before");
    for (const value of [() => 1, Symbol("x"), 1n, [new Uint8Array(100_000), 1n]])
      expect(() => writer.add(2, 0, value)).toThrow(TypeError);
    writer.add(3, 0, "after");
    expect(new FrameReader().push(writer.take()).map(({ value }) => value)).toEqual(["before", "after"]);
  });

  it("are written into memory that comes back, without what was in it", () => {
    const writer = new FrameWriter();
    for (const size of [10, 40_000, 20]) {
      const expected = new Uint8Array(size).fill(size);
      writer.add(1, 0, expected);
      writer.add(2, 0, "é");
      const taken = writer.take();
      expect(new FrameReader().push(taken.slice()).map(({ value }) => value)).toEqual([expected, "é"]);
      expect(writer.isEmpty).toBe(true);
      writer.giveBack(taken);
      expect(taken.every((octet) => octet === 0)).toBe(true);
    }
  });
});
