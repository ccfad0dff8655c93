/** A piece of work that the clock asks for. */
export interface Job {
  readonly name: string;
  /** Between the end of one run and the start of the next, in milliseconds. */
  readonly period: number;
  /** Whether it does not wait for its first period. */
  readonly atStart?: boolean;
  run(): Promise<unknown>;
}

/**
 * Runs jobs one at a time. A job that fails is told of and tried again in its next period: each must be able to take up
 * what an earlier run, or a crash, has left.
 */
export class Housekeeping {
  readonly #jobs: readonly Job[];
  readonly #report: (name: string, error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(jobs: readonly Job[], report: (name: string, error: unknown) => void) {
    this.#jobs = jobs;
    this.#report = report;
  }

  start(): void {
    for (const job of this.#jobs) {
      if (job.atStart) void this.#enqueue(job);
      this.#schedule(job);
    }
  }

  /** Runs every job now; resolves when all have ended. For a clock that has been moved. */
  runAll(): Promise<void> {
    for (const job of this.#jobs) this.#enqueue(job);
    return this.#last;
  }

  /** Waits for the job that runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#last;
  }

  #schedule(job: Job): void {
    if (this.#stopped) return;
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      await this.#enqueue(job);
      this.#schedule(job);
    }, job.period);
    timer.unref();
    this.#timers.add(timer);
  }

  #enqueue(job: Job): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#stopped) return;
      try {
        await job.run();
      } catch (error) {
        this.#report(job.name, error);
      }
    });
    return this.#last;
  }
}
