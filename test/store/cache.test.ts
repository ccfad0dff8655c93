import { expect, test } from "vitest";
import { OpenedCache } from "../../src/store/cache.ts";

const opened = (length: number, revision = 1) => ({ path: "key/a", value: new Uint8Array(length), revision });

test("an opened record is kept for the value it was opened from, and for no other", () => {
  const cache = new OpenedCache(10_000);
  const record = opened(10);
  cache.set("key/a", "one", record);
  expect(cache.get("key/a", "one")).toBe(record);
  expect(cache.get("key/a", "two")).toBeUndefined();
  cache.set("key/a", "two", opened(10, 2));
  expect(cache.get("key/a", "one")).toBeUndefined();
  expect(cache.get("key/a", "two")?.revision).toBe(2);
});

test("the oldest go when the limit is reached, and what is larger than the limit is not kept", () => {
  const cache = new OpenedCache(4000);
  for (let i = 0; i < 10; i++) cache.set(`key/${i}`, "hash", opened(1000));
  const kept = Array.from({ length: 10 }, (_, i) => i).filter((i) => cache.get(`key/${i}`, "hash"));
  expect(kept).toEqual([7, 8, 9]);
  cache.set("key/large", "hash", opened(5000));
  expect(cache.get("key/large", "hash")).toBeUndefined();
  cache.set("key/small", "hash", opened(10));
  expect(cache.get("key/small", "hash")).toBeDefined();
});
