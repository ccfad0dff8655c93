import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HandleCache } from "../../../../src/hsm/pkcs11/keys/handle-cache.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

it("keeps the most recently used, each for its time, and releases what leaves once", () => {
  const released: number[] = [];
  const cache = new HandleCache<number>(2, 60, (value) => released.push(value));
  cache.set("a", 1);
  cache.set("b", 2);
  expect(cache.get("a")).toBe(1);
  cache.set("c", 3);
  expect(released).toEqual([2]);
  expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([1, undefined, 3]);
  cache.set("a", 4);
  expect(released).toEqual([2, 1]);
  vi.advanceTimersByTime(60);
  expect(cache.get("c")).toBeUndefined();
  cache.expire();
  expect(released).toEqual([2, 1, 3, 4]);
  cache.set("d", 5);
  cache.clear();
  cache.clear();
  expect(released).toEqual([2, 1, 3, 4, 5]);
});
