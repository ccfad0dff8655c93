import { expect, test } from "vitest";
import { page } from "../../src/bench/page.ts";
import { plot, ticksOver } from "../../src/bench/plot.ts";
import { expectSelfContained } from "./markup.ts";

const nasty = `<b> & "q" 'a' µs`;

test("a page is well-formed and needs nothing else, whatever the texts", () => {
  const svg = plot({
    x: { label: nasty, ticks: [1, 10], format: String },
    y: { label: nasty, format: () => nasty },
    series: [
      {
        name: nasty,
        color: 0,
        points: [
          { x: 1, y: 1, low: 0.5, high: 2 },
          { x: 10, y: 3 },
        ],
      },
    ],
    marks: [{ x: 2, y: 2, text: nasty, hint: nasty }],
  });
  const html = page(
    {
      title: nasty,
      text: nasty,
      tiles: [{ value: nasty, text: nasty }],
      figures: [{ title: nasty, text: nasty, svg, findings: [nasty], table: [[nasty], [nasty]] }],
      notes: [nasty],
    },
    { machine: nasty, node: nasty },
  );
  expectSelfContained(html);
});

test("ticks go around all values", () => {
  expect(ticksOver([3, 40])).toEqual([2, 5, 10, 20, 50]);
  expect(ticksOver([1, 10])).toEqual([1, 2, 5, 10]);
  expect(ticksOver([0.5, 3_000_000])).toEqual([0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7]);
  expect(ticksOver([7, 7])).toEqual([5, 10]);
  expect(ticksOver([10, 10])).toEqual([10, 20]);
});

test("labels at the ends of lines lie apart, in the order of the lines, inside the plot", () => {
  const ends = [1, 1.01, 1.02, 1.03, 90];
  const svg = plot({
    x: { label: "x", ticks: [1, 10], format: String },
    y: { label: "y", format: String },
    series: ends.map((y, i) => ({
      name: `line ${i}`,
      color: i,
      points: [
        { x: 1, y: 1 },
        { x: 10, y },
      ],
    })),
  });
  const labels = [...svg.matchAll(/class="name c\d" x="[\d.]+" y="([\d.]+)" text-anchor="start">line (\d)</g)];
  const places = labels.map(([, y, name]) => ({ y: Number(y), name: Number(name) })).sort((a, b) => a.y - b.y);
  expect(places.map(({ name }) => name)).toEqual([4, 3, 2, 1, 0]);
  for (const [i, { y }] of places.entries()) {
    expect(y - (places[i - 1]?.y ?? 0)).toBeGreaterThanOrEqual(15.9);
    expect(y).toBeLessThan(420);
  }
});
