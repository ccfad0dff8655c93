import { quantile } from "./report.ts";

/** Something to measure, and where its figures go. */
export interface Task {
  /** Does it once, or `operations` times. */
  readonly run: () => unknown;
  readonly operations?: number;
  /** Tasks with the same value are compared: in each round they are measured one right after the other. */
  readonly group?: string;
  /** `run` answers a promise: then the wall clock counts, as the work is done in other threads. */
  readonly asynchronous: boolean;
  /** Nanoseconds of doing it once: the mean of each round. */
  readonly nanoseconds: number[];
}

export interface RoundOptions {
  readonly rounds: number;
  /**
   * How long the whole takes, about: a fifth of it is warm-up. On a machine that others keep busy, fewer rounds are done,
   * one at least, than would take twice as long.
   */
  readonly seconds: number;
  /** CPU time of this thread, in nanoseconds. */
  readonly clock: () => number;
  /** Is told what is being done. */
  readonly tell: (progress: string) => void;
}

const warmUpShare = 0.2;

/**
 * Measures all tasks in each round, in another random order each time, so that a slow moment of the machine is shared by
 * all that are compared. A task runs in each round as often as fits into its share of the time, once at least.
 */
export async function measureInRounds(tasks: readonly Task[], options: RoundOptions): Promise<void> {
  const { rounds, seconds, clock, tell } = options;
  const end = wallClock() + 2e9 * seconds;
  const share = (seconds * 1e9) / tasks.length;
  const counts = new Map<Task, number>();
  for (const [i, task] of shuffled(tasks).entries()) {
    tell(`warm-up ${i + 1}/${tasks.length}`);
    await warmUp(task, share * warmUpShare * 0.75);
  }
  // Only now, as one task warms code of others, too: whoever came first would be counted as slow, and get shorter rounds.
  for (const task of shuffled(tasks)) {
    const perRun = await warmUp(task, share * warmUpShare * 0.25);
    counts.set(task, Math.max(1, Math.round((share * (1 - warmUpShare)) / rounds / perRun)));
  }
  for (let round = 1; round === 1 || (round <= rounds && wallClock() < end); round++) {
    tell(`round ${round}/${rounds}`);
    for (const task of roundOf(tasks)) task.nanoseconds.push(await time(task, counts.get(task) as number, clock));
  }
  tell("");
}

function roundOf(tasks: readonly Task[]): readonly Task[] {
  const groups = [...Map.groupBy(tasks, ({ group }) => group).values()];
  return shuffled(groups).flatMap((group) => shuffled(group));
}

/** Runs it for `nanoseconds`, twice at least: V8 optimises what runs often. Nanoseconds of one run, about. */
async function warmUp({ run, asynchronous }: Task, nanoseconds: number): Promise<number> {
  const times: number[] = [];
  for (const end = wallClock() + nanoseconds; times.length < 2 || wallClock() < end; ) {
    const start = wallClock();
    if (asynchronous) await run();
    else run();
    times.push(wallClock() - start);
  }
  return quantile(times.slice(times.length / 2), 0.5);
}

async function time({ run, operations = 1, asynchronous }: Task, count: number, clock: () => number): Promise<number> {
  if (asynchronous) {
    const start = wallClock();
    for (let i = 0; i < count; i++) await run();
    return (wallClock() - start) / count / operations;
  }
  const start = clock();
  for (let i = 0; i < count; i++) run();
  return (clock() - start) / count / operations;
}

const wallClock = (): number => performance.now() * 1e6;

export function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [order[i], order[other]] = [order[other] as T, order[i] as T];
  }
  return order;
}
