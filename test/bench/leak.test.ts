import { describe, expect, it } from "vitest";
import { earlyExit } from "../../src/bench/leaks/control.ts";
import { crops, measureLeak, type Path, threshold } from "../../src/bench/leaks/harness.ts";
import { pathsOf } from "../../src/bench/leaks/paths.ts";
import { openEngine } from "../../src/engine/index.ts";

const samples = 4000;

/** A path on a clock of its own, in which `cost` is what a run with a secret takes. */
function simulated(cost: (secret: Uint8Array) => number, noise = 20): { path: Path; now: () => number } {
  let time = 0;
  let secret: Uint8Array = new Uint8Array(0);
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  return {
    now: () => time,
    path: {
      name: "simulated",
      length: 8,
      prepare(given) {
        secret = given;
        time += 1000;
      },
      run() {
        time += 100 + cost(secret) + noise * next() + (next() < 0.02 ? 1e5 * next() : 0);
      },
    },
  };
}

const bits = (secret: Uint8Array): number => secret.toHex().replace(/[^89a-f]/g, "").length;

describe("the leak test", () => {
  it("finds a leak that is smaller than the noise", () => {
    const { path, now } = simulated(bits);
    const { t, crop } = measureLeak(path, samples, now);
    expect(t).toBeLessThan(-threshold);
    expect(crops).toContain(crop);
  });

  it("finds nothing where time has nothing to do with the secret", () => {
    const { path, now } = simulated(() => 7);
    expect(Math.abs(measureLeak(path, samples, now).t)).toBeLessThan(threshold);
  });

  it("finds nothing, and divides by nothing, where every run takes the same time", () => {
    const { path, now } = simulated(() => 0, 0);
    let time = 0;
    expect(measureLeak({ ...path, run: () => undefined }, samples, now).t).toBe(0);
    expect(measureLeak(path, samples, () => (time += 1)).t).toBe(0);
  });

  it("finds the planted leak on the real clock", () => {
    expect(Math.abs(measureLeak(earlyExit, 20_000).t)).toBeGreaterThan(threshold);
  });

  it("gives half of the runs zeros and half random secrets, by no pattern", () => {
    const classes: boolean[] = [];
    const path: Path = {
      name: "seen",
      length: 16,
      prepare: (secret) => void classes.push(secret.some((byte) => byte !== 0)),
      run: () => undefined,
    };
    measureLeak(path, samples);
    const changes = classes.filter((isRandom, i) => i > 0 && isRandom !== classes[i - 1]).length;
    expect(classes.filter(Boolean).length / classes.length).toBeCloseTo(0.5, 1);
    expect(changes / classes.length).toBeCloseTo(0.5, 1);
  });
});

describe.each(["wasm", "node"] as const)("the paths of the %s engine", (name) => {
  it("go through with any secret, and refuse only the wrong tag", async () => {
    const paths = pathsOf(await openEngine(name));
    expect(new Set(paths.map((path) => path.name)).size).toBe(paths.length);
    for (const fill of [0, 0xa5]) {
      for (const path of paths) {
        path.prepare(new Uint8Array(path.length).fill(fill));
        const answer = path.run();
        if (path.name === "gcmOpen, wrong tag") expect(answer).toBeNull();
        else if (path.name !== "equal") expect(answer, path.name).not.toBeNull();
      }
    }
  });
});
