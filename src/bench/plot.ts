/** A line of a plot: y over x, both greater than zero. */
export interface Series {
  readonly name: string;
  /** A place in the palette of page.ts. */
  readonly color: number;
  readonly dashed?: boolean;
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** From where to where the rounds went. */
  readonly low?: number;
  readonly high?: number;
}

export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  /** What a pointer over it is told. */
  readonly hint: string;
}

export interface Axis {
  readonly label: string;
  readonly format: (value: number) => string;
}

export interface Plot {
  /** In the units of its width, which is 760. */
  readonly height?: number;
  readonly x: Axis & { readonly ticks: readonly number[] };
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
}

const width = 760;
const frame = { left: 70, right: width - 168, top: 14 };
/** Below the frame. */
const footing = 46;
/** Between the labels at the ends of lines. */
const leading = 16;

/** Lines on logarithmic axes, labelled at their ends, as an `svg` element. Colours and fonts are the page's: page.ts. */
export function plot({ height = 420, x, y, series, marks = [] }: Plot): string {
  const bottom = height - footing;
  const yTicks = ticksOver(series.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [low, high])));
  const across = scale(x.ticks, frame.left, frame.right);
  const up = scale(yTicks, bottom, frame.top);
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${xml(`${y.label} by ${x.label}`)}">`,
    ...x.ticks.map((tick) => gridLine(across(tick), frame.top, across(tick), bottom)),
    ...yTicks.map((tick) => gridLine(frame.left, up(tick), frame.right, up(tick))),
    ...x.ticks.map((tick) => text("tick", across(tick), bottom + 18, x.format(tick), "middle")),
    ...yTicks.map((tick) => text("tick", frame.left - 8, up(tick) + 4, y.format(tick), "end")),
    text("axis", (frame.left + frame.right) / 2, height - 8, x.label, "middle"),
    `<text class="axis" text-anchor="middle" transform="translate(14 ${round((frame.top + bottom) / 2)}) rotate(-90)">${xml(y.label)}</text>`,
    ...series.map((line) => drawn(line, across, up, (point) => `${x.format(point.x)}: ${y.format(point.y)}`)),
    ...endLabels(series, up, bottom),
    ...drawnMarks(marks, across, up),
    "</svg>",
  ].join("\n");
}

/** `raw` as text or attribute of XML. */
export const xml = (raw: string): string => raw.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);

type Scale = (value: number) => number;

function scale(ticks: readonly number[], from: number, to: number): Scale {
  const [low, high] = [Math.log(Math.min(...ticks)), Math.log(Math.max(...ticks))];
  return (value) => round(from + ((Math.log(value) - low) / (high - low)) * (to - from));
}

/** Powers of ten around all of `values`; 2 and 5 times these, too, where there are few. */
export function ticksOver(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const digits = high / low > 300 ? [1] : [1, 2, 5];
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    steps.push(...digits.map((digit) => digit * 10 ** power));
  }
  const first = steps.findLastIndex((step) => step <= low);
  const last = steps.findIndex((step) => step >= high);
  return steps.slice(first, Math.max(last, first + 1) + 1);
}

function drawn(
  { name, color, dashed, points }: Series,
  across: Scale,
  up: Scale,
  hint: (point: Point) => string,
): string {
  const path = points.map(({ x, y }) => `${across(x)} ${up(y)}`).join(" L");
  return [
    `<g class="line c${color}${dashed ? " dashed" : ""}">`,
    `<path d="M${path}"/>`,
    ...points.map(({ x, low, high }) =>
      low === undefined || high === undefined ? "" : `<path class="spread" d="M${across(x)} ${up(low)} V${up(high)}"/>`,
    ),
    ...points.map(
      (point) =>
        `<circle cx="${across(point.x)}" cy="${up(point.y)}" r="3.5"><title>${xml(`${name}, ${hint(point)}`)}</title></circle>`,
    ),
    "</g>",
  ].join("");
}

/** Beside the last point of each line, moved apart where they would lie over each other. */
function endLabels(series: readonly Series[], up: Scale, bottom: number): string[] {
  const ends = series.flatMap(({ name, color, points }) => {
    const last = points.at(-1);
    return last ? [{ name, color, at: up(last.y), place: up(last.y) }] : [];
  });
  ends.sort((a, b) => a.at - b.at);
  for (const [i, end] of ends.entries()) end.place = Math.max(end.at, (ends[i - 1]?.place ?? 0) + leading);
  let below = bottom + leading;
  for (const end of ends.toReversed()) {
    end.place = Math.min(end.place, below - leading);
    below = end.place;
  }
  return ends.map(({ name, color, at, place }) => {
    const leader = `<path class="leader c${color}" d="M${frame.right + 6} ${round(at)} L${frame.right + 18} ${round(place)}"/>`;
    return leader + text(`name c${color}`, frame.right + 22, place + 4, name, "start");
  });
}

/** A text that would lie over that of a mark before it is left to the hint. */
function drawnMarks(marks: readonly Mark[], across: Scale, up: Scale): string[] {
  const places = marks.map((mark) => ({ ...mark, x: across(mark.x), y: up(mark.y) }));
  return places.map(({ x, y, text: label, hint }, i) => {
    const isFree = places.slice(0, i).every((other) => Math.hypot((other.x - x) / 3, other.y - y) > leading);
    const circle = `<circle cx="${x}" cy="${y}" r="6"><title>${xml(hint)}</title></circle>`;
    return `<g class="mark">${circle}${isFree ? text("halo", x, y - 11, label, "middle") : ""}</g>`;
  });
}

const gridLine = (x1: number, y1: number, x2: number, y2: number): string =>
  `<path class="grid" d="M${x1} ${y1} L${x2} ${y2}"/>`;

const text = (kind: string, x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${xml(content)}</text>`;

const round = (value: number): number => Math.round(value * 10) / 10;
