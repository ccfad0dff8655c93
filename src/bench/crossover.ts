/** A measured line: `y` over `x`, both greater than zero. */
export type Line = readonly { readonly x: number; readonly y: number }[];

export interface Crossover {
  readonly x: number;
  readonly y: number;
}

/**
 * Where two lines meet, in order of x: straight between two measured places on logarithmic axes, at those that both have.
 * Lines that only touch do not meet.
 */
export function crossovers(one: Line, other: Line): Crossover[] {
  const places = one.flatMap(({ x, y }) => {
    const opposite = other.find((point) => point.x === x);
    return opposite ? [{ x: Math.log(x), y: Math.log(y), lead: Math.log(opposite.y / y) }] : [];
  });
  const apart = places.filter(({ lead }) => lead !== 0);
  return apart.slice(1).flatMap((right, i) => {
    const left = apart[i] as typeof right;
    if (left.lead * right.lead > 0) return [];
    const share = left.lead / (left.lead - right.lead);
    const between = (a: number, b: number): number => Math.exp(a + (b - a) * share);
    return [{ x: between(left.x, right.x), y: between(left.y, right.y) }];
  });
}
