import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Deriver, Engine, EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/index.ts";
import { selfTest } from "../../src/engine/self-test.ts";

describe.each<EngineName>(["wasm", "native", "node"])("the %s engine", (name) => {
  it("opens once it has passed its self-tests", async () => {
    expect((await openEngine(name)).name).toBe(name);
  });

  it.each([
    ["SHA-256", "sha256"],
    ["HMAC-SHA-256", "hmacSha256"],
    ["KBKDF", "kbkdf"],
    ["AES-256-GCM", "gcmSeal"],
    ["AES-256-KWP", "kwpWrap"],
  ] as const)("with a faulty %s is refused", async (primitive, method) => {
    const engine = await openEngine(name);
    const faulty = replacing(engine, method, (...args: Bytes[]) => {
      const result = (engine[method] as (...args: Bytes[]) => Bytes)(...args);
      return result.with(0, (result[0] as number) ^ 1);
    });
    expect(() => selfTest(faulty)).toThrow(primitive);
  });

  it.each([
    ["AES-256-GCM", "gcmOpen"],
    ["AES-256-KWP", "kwpUnwrap"],
  ] as const)("whose %s takes everything for authentic is refused", async (primitive, method) => {
    const engine = await openEngine(name);
    const faulty = replacing(engine, method, (...args: Bytes[]) => {
      const result = (engine[method] as (...args: Bytes[]) => Bytes | null)(...args);
      return result ?? new Uint8Array(60);
    });
    expect(() => selfTest(faulty)).toThrow(primitive);
  });

  it.each<keyof Deriver>(["seal", "open"])("whose deriver would %s under another key is refused", async (method) => {
    const engine = await openEngine(name);
    const faulty = replacing(engine, "deriver", (hbk: Bytes) => {
      const deriver = engine.deriver(hbk);
      const other = engine.deriver(hbk.with(0, (hbk[0] as number) ^ 1));
      return replacing(deriver, method, other[method].bind(other));
    });
    expect(() => selfTest(faulty)).toThrow("derivation per message");
  });

  it("whose deriver takes everything for authentic is refused", async () => {
    const engine = await openEngine(name);
    const faulty = replacing(engine, "deriver", (hbk: Bytes) => {
      const deriver = engine.deriver(hbk);
      return replacing(deriver, "open", (...args: Parameters<Deriver["open"]>) => deriver.open(...args) ?? hbk);
    });
    expect(() => selfTest(faulty)).toThrow("derivation per message");
  });
});

/** The same with one method replaced. */
const replacing = <T extends Engine | Deriver>(original: T, method: keyof T, by: unknown): T =>
  new Proxy(original, {
    get(target, property) {
      if (property === method) return by;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
