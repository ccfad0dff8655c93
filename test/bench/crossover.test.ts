import { expect, test } from "vitest";
import { crossovers } from "../../src/bench/crossover.ts";

const line = (...ys: number[]) => ys.map((y, i) => ({ x: 10 ** i, y }));

test("lines meet between two places, straight on logarithmic axes", () => {
  const [met, ...others] = crossovers(line(1, 100), line(10, 10));
  expect(others).toEqual([]);
  expect(met?.x).toBeCloseTo(Math.sqrt(10), 9);
  expect(met?.y).toBeCloseTo(10, 9);
});

test("they may meet again", () => {
  expect(crossovers(line(1, 4, 1), line(2, 2, 2)).map(({ x }) => Math.round(Math.log10(x) * 10) / 10)).toEqual([
    0.5, 1.5,
  ]);
});

test("lines that go side by side, touch, or are one, do not meet", () => {
  expect(crossovers(line(1, 2, 3), line(2, 3, 4))).toEqual([]);
  expect(crossovers(line(1, 2, 1), line(2, 2, 2))).toEqual([]);
  expect(crossovers(line(1, 2, 3), line(1, 2, 3))).toEqual([]);
  expect(crossovers([], line(1))).toEqual([]);
});

test("lines that change places at a measured place meet there", () => {
  const [met, ...others] = crossovers(line(1, 2, 4), line(4, 2, 1));
  expect(others).toEqual([]);
  expect(met?.x).toBeCloseTo(10, 9);
});

test("only places that both have count", () => {
  const far = [
    { x: 1, y: 10 },
    { x: 100, y: 10 },
  ];
  expect(crossovers(line(1, 50, 100), far)[0]?.x).toBeCloseTo(10, 9);
});
