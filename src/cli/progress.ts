/** Milliseconds between two lines, where there is no terminal, and between two looks of the same line. */
const pauses = { lines: 5_000, line: 100 } as const;

/** How far a long job is, on standard error: one line that is written over on a terminal, or a line now and then. */
export class Progress {
  readonly #since = performance.now();
  readonly #terminal: boolean;
  #told = Number.NEGATIVE_INFINITY;

  constructor(terminal: boolean = process.stderr.isTTY) {
    this.#terminal = terminal;
    // The first line comes when it is worth one.
    if (!terminal) this.#told = this.#since;
  }

  tell(done: number, all: number): void {
    const now = performance.now();
    if (done < all && now - this.#told < (this.#terminal ? pauses.line : pauses.lines)) return;
    if (done === all && !this.#terminal && now - this.#since < pauses.lines) return;
    this.#told = now;
    const rate = (done * 1_000) / Math.max(1, now - this.#since);
    const text = `${done} of ${all} keys, ${rate.toFixed(rate < 10 ? 1 : 0)}/s, ${lasting((all - done) / rate)} left`;
    process.stderr.write(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[K");
  }
}

function lasting(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
