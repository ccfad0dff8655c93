import { expect, it } from "vitest";
import { Moments, welch } from "../../src/bench/leaks/welch.ts";

const momentsOf = (values: readonly number[]): Moments => {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
};

it("finds mean and sample variance, wherever the numbers lie", () => {
  for (const offset of [0, 1e9]) {
    const { count, mean, variance } = momentsOf([2, 4, 4, 4, 5, 5, 7, 9].map((value) => value + offset));
    expect(count).toBe(8);
    expect(mean).toBe(5 + offset);
    expect(variance).toBeCloseTo(32 / 7, 6);
  }
});

// Equal and unequal sizes and variances; the answers to two digits are those of the usual tables of examples.
it.each([
  [
    -2.46,
    [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4],
    [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4],
  ],
  [
    -1.57,
    [17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8],
    [
      21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5, 23.6, 21.5, 22.5, 23.5, 21.5,
      21.8,
    ],
  ],
  [
    -2.22,
    [19.8, 20.4, 19.6, 17.8, 18.5, 18.9, 18.3, 18.9, 19.5, 22.0],
    [
      28.2, 26.6, 20.1, 23.3, 25.2, 22.1, 17.7, 27.6, 20.6, 13.7, 23.2, 17.5, 20.6, 18.0, 23.9, 21.6, 24.3, 20.4, 24.0,
      13.2,
    ],
  ],
])("gives t = %d", (t, a, b) => {
  expect(welch(momentsOf(a), momentsOf(b))).toBeCloseTo(t, 2);
  expect(welch(momentsOf(b), momentsOf(a))).toBeCloseTo(-t, 2);
});

it("tells samples that never vary apart, or alike", () => {
  const [one, other] = [momentsOf([1, 1, 1]), momentsOf([2, 2])];
  expect(welch(one, momentsOf([1, 1]))).toBe(0);
  expect(welch(one, other)).toBe(Number.NEGATIVE_INFINITY);
  expect(welch(one, momentsOf([1]))).toBeNaN();
});
