import { expect, test } from "vitest";
import { formatBytes, formatCount, formatTime } from "../../src/bench/units.ts";

test("quantities have three digits and the largest unit that fits", () => {
  expect([0.5, 999, 1000, 12_345, 2_500_000, 3e9].map(formatTime)).toEqual([
    "0.5 ns",
    "999 ns",
    "1 µs",
    "12.3 µs",
    "2.5 ms",
    "3 s",
  ]);
  expect([32, 1023, 1024, 1500, 1_048_576].map(formatBytes)).toEqual(["32 B", "1020 B", "1 KiB", "1.46 KiB", "1 MiB"]);
  expect([7, 1234, 2_000_000].map(formatCount)).toEqual(["7", "1.23 k", "2 M"]);
});
