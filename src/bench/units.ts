/** Three digits that count, and the largest unit that leaves at least one before the point. */
export const formatTime = (nanoseconds: number): string =>
  scaled(nanoseconds, [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "µs"],
    [1, "ns"],
  ]);

export const formatBytes = (bytes: number): string =>
  scaled(bytes, [
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ]);

export const formatCount = (count: number): string =>
  scaled(count, [
    [1e6, "M"],
    [1e3, "k"],
    [1, ""],
  ]);

function scaled(value: number, units: readonly (readonly [number, string])[]): string {
  const [size, unit] = units.find(([size]) => value >= size) ?? (units.at(-1) as readonly [number, string]);
  return `${Number((value / size).toPrecision(3))} ${unit}`.trimEnd();
}
