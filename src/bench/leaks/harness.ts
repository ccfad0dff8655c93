import { randomFillSync } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import { quantile } from "../report.ts";
import { Moments, welch } from "./welch.ts";

/** Something that handles a secret. */
export interface Path {
  readonly name: string;
  /** Bytes of secret. */
  readonly length: number;
  /** Not measured: makes `run` ready to handle `secret`, which is overwritten later. */
  prepare(secret: Bytes): void;
  /** Measured. */
  run(): unknown;
}

export interface Verdict {
  /** Welch's t between the classes; of all crops, the one farthest from 0. */
  readonly t: number;
  /** The part of the measurements, shortest first, that it was found in. */
  readonly crop: number;
}

/** |t| from which on a leak counts as found (O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?"). */
export const threshold = 4.5;

/** What lies above is the interrupts and collections more than the path: parts of all measurements that are looked at. */
export const crops = [0.5, 0.75, 0.9, 0.95, 0.99, 1] as const;

const warmUp = 3000;
/** Secrets are made so many at a time, and lie side by side whatever their class. */
const batch = 1024;

/**
 * Measures `path` with a fixed secret (zeros) and with random ones, in random order. Both classes go the same way: each
 * secret is copied from its place in the batch to where `prepare` finds it. `now` answers milliseconds.
 */
export function measureLeak(path: Path, samples: number, now: () => number = () => performance.now()): Verdict {
  const times = new Float64Array(samples);
  const isRandom = new Uint8Array(samples);
  const secrets = new Uint8Array(batch * path.length);
  const classes = new Uint8Array(batch);
  const secret = new Uint8Array(path.length);
  for (let done = -warmUp; done < samples; ) {
    randomFillSync(secrets);
    randomFillSync(classes);
    for (let i = 0; i < batch && done < samples; i++, done++) {
      const place = secrets.subarray(i * path.length, (i + 1) * path.length);
      const random = (classes[i] as number) & 1;
      for (let byte = 0; byte < place.length; byte++) place[byte] = (place[byte] as number) & -random;
      secret.set(place);
      path.prepare(secret);
      const start = now();
      path.run();
      const end = now();
      if (done < 0) continue;
      times[done] = end - start;
      isRandom[done] = random;
    }
  }
  return verdictOf(times, isRandom);
}

function verdictOf(times: Float64Array, isRandom: Uint8Array): Verdict {
  const sorted = [...times];
  const verdicts = crops.map((crop) => {
    const longest = quantile(sorted, crop);
    const [fixed, random] = [new Moments(), new Moments()];
    for (const [i, time] of times.entries()) if (time <= longest) (isRandom[i] ? random : fixed).add(time);
    return { t: welch(fixed, random), crop };
  });
  return verdicts.reduce((worst, verdict) => (Math.abs(verdict.t) > Math.abs(worst.t) ? verdict : worst));
}
