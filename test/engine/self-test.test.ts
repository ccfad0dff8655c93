import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Engine, EngineName } from "../../src/engine/engine.ts";
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
});

/** The engine with one method replaced. */
const replacing = (engine: Engine, method: keyof Engine, by: unknown): Engine =>
  new Proxy(engine, {
    get(target, property) {
      if (property === method) return by;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
