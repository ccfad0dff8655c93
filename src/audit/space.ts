import { fstatSync, statfsSync, statSync } from "node:fs";
import { type Ballast, isDiskFull } from "./ballast.ts";

/** Where the log is, and what it wants to find there. */
interface SpaceOptions {
  readonly directory: string;
  readonly path: string;
  /** The open file that should be at `path`. */
  readonly file: number;
  /** Bytes that must be free for anything new to be accepted. */
  readonly minimumFree: number;
  readonly ballast: Ballast;
}

/** How long a look at the file and the free space is good for, in milliseconds. */
const checkInterval = 250;

/** Whether events that are accepted now will find their place on the disk. */
export class Space {
  readonly #options: SpaceOptions;
  #checked = Number.NEGATIVE_INFINITY;
  #shortage: string | undefined;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** Why nothing new can be accepted now; undefined when it can. */
  get shortage(): string | undefined {
    const now = performance.now();
    if (now - this.#checked >= checkInterval) {
      this.#checked = now;
      this.#shortage = this.#findShortage();
    }
    return this.#shortage;
  }

  /** Whether a write that failed by `error` may be tried again, as the ballast has made room for it. */
  gaveWayTo(error: unknown): boolean {
    if (!isDiskFull(error) || !this.#options.ballast.release()) return false;
    this.#shortage = diskFull;
    return true;
  }

  close(): void {
    this.#options.ballast.close();
  }

  #findShortage(): string | undefined {
    const { directory, path, minimumFree, ballast } = this.#options;
    try {
      if (!this.#isInPlace()) return `the audit log is not at ${path} any more: put it back, or start again`;
      const { bavail, bsize } = statfsSync(directory);
      if (bavail * bsize < minimumFree) {
        return `less than ${minimumFree} bytes are free for the audit log in ${directory}`;
      }
      return ballast.hold() ? undefined : diskFull;
    } catch (error) {
      return `the audit log cannot use ${directory}: ${(error as Error).message}`;
    }
  }

  /** What is written to a file that was removed ends with this process. */
  #isInPlace(): boolean {
    const there = statSync(this.#options.path, { throwIfNoEntry: false });
    const ours = fstatSync(this.#options.file);
    return there?.ino === ours.ino && there.dev === ours.dev;
  }
}

const diskFull = "the disk of the audit log is full";
