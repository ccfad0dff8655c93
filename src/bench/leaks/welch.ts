/** Count, mean and variance of numbers that come one by one (B. P. Welford, 1962). */
export class Moments {
  count = 0;
  mean = 0;
  #squares = 0;

  add(value: number): void {
    this.count += 1;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.#squares += before * (value - this.mean);
  }

  /** Of the sample: divided by one less than the count. */
  get variance(): number {
    return this.#squares / (this.count - 1);
  }
}

/**
 * Welch's t of two samples: the difference of their means in standard errors. 0 where nothing varies and the means are
 * equal; NaN where a sample has fewer than two numbers.
 */
export function welch(a: Moments, b: Moments): number {
  const difference = a.mean - b.mean;
  const error = Math.sqrt(a.variance / a.count + b.variance / b.count);
  return difference === 0 && error === 0 ? 0 : difference / error;
}
