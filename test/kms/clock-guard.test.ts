import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClockGuard, confirmClock } from "../../src/kms/clock-guard.ts";
import type { Parts } from "../../src/service.ts";
import { newSite, type Site } from "./premises.ts";

const minute = 60_000;

describe("the clock guard", () => {
  let site: Site;
  let parts: Parts;
  let time: { wall: number; monotonic: number };
  const guard = (): ClockGuard =>
    new ClockGuard(parts.store, { wall: () => time.wall, monotonic: () => time.monotonic });
  const pass = (wall: number, monotonic = wall): void => {
    time = { wall: time.wall + wall, monotonic: time.monotonic + monotonic };
  };

  beforeEach(async () => {
    site = await newSite();
    parts = await site.open();
    time = { wall: Date.now(), monotonic: 5000 };
  });

  afterEach(async () => {
    await parts.close();
    site.remove();
  });

  it("lets things be destroyed while the clocks agree", async () => {
    const watch = guard();
    for (let i = 0; i < 3; i++) {
      expect(await watch.check()).toBeUndefined();
      pass(60 * minute);
    }
  });

  it.each([6 * minute, -6 * minute])(
    "suspends destruction after a jump of %i ms, until an operator confirms",
    async (jump) => {
      const watch = guard();
      await watch.check();
      pass(jump, 0);
      expect(await watch.check()).toBe("the machine's clock has jumped");
      expect(await guard().check()).toBe("the machine's clock has jumped");
      await confirmClock(parts.store);
      time = { wall: Date.now(), monotonic: 5000 };
      expect(await guard().check()).toBeUndefined();
    },
  );

  it("lets small corrections pass", async () => {
    const watch = guard();
    pass(4 * minute, 0);
    expect(await watch.check()).toBeUndefined();
  });

  it("suspends destruction when the machine comes up behind the time that the store has seen", async () => {
    await guard().check();
    pass(-60 * minute);
    expect(await guard().check()).toBe("the machine's clock is behind the time that the store has seen");
  });
});
