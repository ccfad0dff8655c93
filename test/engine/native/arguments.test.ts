import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../src/base/bytes.ts";
import { type BoundaryState, load } from "../../../src/engine/native/addon.ts";
import { type Call, functionsOf, receivers } from "./functions.ts";
import { type ValidCall, validCalls } from "./valid-calls.ts";

const all = receivers(load());
const { addon, drbg, boundary } = all;

const refused = -1;
const badType = -7;
const badLength = -8;

function detached(): Bytes {
  const bytes = new Uint8Array(new ArrayBuffer(32));
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const notOctets: readonly [string, unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["a string", "32"],
  ["a number", 32],
  ["an array", [1, 2, 3]],
  ["an object with a length", { length: 32, buffer: new ArrayBuffer(32) }],
  ["an ArrayBuffer", new ArrayBuffer(32)],
  ["a DataView", new DataView(new ArrayBuffer(32))],
  ["octets that clamp", new Uint8ClampedArray(32)],
  ["signed octets", new Int8Array(32)],
  ["words", new Uint16Array(32)],
  ["doubles", new Float64Array(4)],
  ["a proxy", new Proxy(new Uint8Array(32), {})],
  ["an object that inherits from octets", Object.create(new Uint8Array(32))],
  ["octets that were taken away", detached()],
  ["shared octets", new Uint8Array(new SharedArrayBuffer(32))],
  ["no octets of a shared buffer", new Uint8Array(new SharedArrayBuffer(32), 32)],
  ["shared octets that grow", new Uint8Array(new SharedArrayBuffer(32, { maxByteLength: 64 }))],
];

const notNumbers: readonly [unknown, number][] = [
  [undefined, badType],
  ["32", badType],
  [32n, badType],
  [new Uint8Array(1), badType],
  [-1, badLength],
  [0.5, badLength],
  [Number.NaN, badLength],
  [Number.POSITIVE_INFINITY, badLength],
  [2 ** 31, badLength],
  [2 ** 32 + 16, badLength],
];

const argumentsOf = (shape: string): unknown[] =>
  [...shape].map((letter) => (letter === "n" ? 16 : new Uint8Array(16)));
const answerOf = (receiver: object, name: string, args: readonly unknown[]) =>
  ((receiver as Record<string, Call>)[name] as Call).apply(receiver, [...args]);

describe.each(functionsOf(all))("%s", (name, receiver, shape) => {
  it("takes Uint8Arrays over memory that is attached and not shared, and nothing else", () => {
    for (const [i, letter] of [...shape].entries()) {
      const wrong = letter === "n" ? notNumbers : notOctets.map(([, value]) => [value, badType] as const);
      for (const [value, status] of wrong) {
        expect(answerOf(receiver, name, argumentsOf(shape).with(i, value)), `argument ${i}`).toBe(status);
      }
    }
  });

  it("takes as many arguments as it has, no fewer and no more", () => {
    const args = argumentsOf(shape);
    expect(answerOf(receiver, name, args.slice(1))).toBe(badType);
    expect(answerOf(receiver, name, [...args, new Uint8Array(16)])).toBe(badType);
    expect(answerOf(receiver, name, [...args, ...args, ...args, ...args])).toBe(badType);
    expect(answerOf(receiver, name, [])).toBe(badType);
  });

  it("writes to no memory that it reads", () => {
    for (const [target, letter] of [...shape].entries()) {
      if (letter !== "t") continue;
      for (const [other, otherLetter] of [...shape].entries()) {
        if (other === target || otherLetter === "n") continue;
        const memory = new Uint8Array(48);
        for (const offset of [1, 15, 16, 17, 31]) {
          const args = argumentsOf(shape).with(target, memory.subarray(16, 32));
          args[other] = memory.subarray(offset, offset + 16);
          expect(answerOf(receiver, name, args), `${other} over ${target} by ${offset - 16}`).toBe(badLength);
        }
        expect(memory).toEqual(new Uint8Array(48));
      }
    }
  });

  it("answers empty octets by a status, and never throws", () => {
    const empty = [...shape].map((letter) => (letter === "n" ? 0 : new Uint8Array(0)));
    expect(answerOf(receiver, name, empty)).toSatisfy(Number.isInteger);
    const huge = [...shape].map((letter) => (letter === "n" ? 2 ** 31 - 1 : new Uint8Array(100_000)));
    expect(answerOf(receiver, name, huge)).toSatisfy(Number.isInteger);
  });

  it("cannot be called on another object", () => {
    if (receiver === addon) return;
    const method = (receiver as Record<string, Call>)[name] as Call;
    for (const other of [receiver === drbg ? boundary : drbg, {}, Object.create(receiver), null, undefined, 1]) {
      expect(() => method.apply(other, argumentsOf(shape))).toThrow(TypeError);
    }
  });
});

describe("native memory", () => {
  it("is not made without new, nor for an object of another class", () => {
    expect((addon.Boundary as unknown as Call).call({})).toBeUndefined();
    expect((addon.Boundary as unknown as Call).call(drbg)).toBeUndefined();
    expect(drbg.generate(new Uint8Array(0), new Uint8Array(16))).toBe(16);
  });

  it("has nothing before it is opened, and is opened once", () => {
    const fresh = new addon.Boundary();
    expect(fresh.random(new Uint8Array(16))).toBe(-5);
    expect(fresh.close()).toBe(0);
    expect(boundary.open(new TextEncoder().encode("/dev/urandom\0"), new Uint8Array(0))).toBe(-4);
    expect(new addon.Drbg().generate(new Uint8Array(0), new Uint8Array(16))).toBe(-5);
  });

  it("takes no path that does not end", () => {
    for (const path of ["", "/dev/urandom"]) {
      expect(new addon.Boundary().open(new TextEncoder().encode(path), new Uint8Array(0))).toBe(badLength);
    }
  });

  it("fails without leaving node:crypto an error to trip over", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = privateKey.export({ format: "der", type: "pkcs8" });
    const forged = new Uint8Array(24);
    for (const [name, args] of [
      ["kwpUnwrap", [new Uint8Array(32), forged, new Uint8Array(16)]],
      ["gcmOpen", [new Uint8Array(32), new Uint8Array(12), forged, forged, new Uint8Array(8)]],
      ["signDigest", [0, 256, forged, new Uint8Array(32), forged.slice()]],
      ["sm2Decrypt", [forged, forged, new Uint8Array(24)]],
      ["sm2Agree", [forged, forged, new Uint8Array(32)]],
    ] as const) {
      expect(answerOf(addon, name, args), name).toBeLessThan(0);
      expect(createPrivateKey({ key, format: "der", type: "pkcs8" }).equals(privateKey), name).toBe(true);
    }
  });

  it("exposes no key for a usage that does not exist", () => {
    const call = validCalls(receivers(addon)).find(([name]) => name === "expose") as ValidCall;
    const [, opened, [token, usage, target]] = call as unknown as [string, BoundaryState, [Bytes, number, Bytes]];
    expect(opened.expose(token, usage, target)).toBe(target.length);
    for (const other of [0, 1, 3, 16, 255]) expect(opened.expose(token, other, target)).toBe(refused);
  });

  it("is wide enough for tokens and ciphertexts that claim too much", () => {
    const token = new Uint8Array(8192).fill(0xff);
    const target = new Uint8Array(100);
    for (const length of [0, 1, 39, 40, 41, 300, 8192]) {
      expect(boundary.encrypt(token.subarray(0, length), target, token.subarray(0, 22), new Uint8Array(100))).toBe(
        refused,
      );
    }
    expect(boundary.encrypt(new Uint8Array(100_000), target, new Uint8Array(22), new Uint8Array(100))).toBe(refused);
  });
});
