import { describe, expect, it } from "vitest";
import { Housekeeping } from "../../src/kms/housekeeping.ts";

describe("housekeeping", () => {
  it("runs jobs one at a time, again and again, and goes on after a failure", async () => {
    let running = 0;
    const ran: string[] = [];
    const failures: string[] = [];
    const job = (name: string, fails: boolean) => ({
      name,
      period: 5,
      async run() {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        ran.push(name);
        if (fails) throw new Error(name);
      },
    });
    const housekeeping = new Housekeeping([job("a", false), job("b", true)], (name) => failures.push(name));
    housekeeping.start();
    await expect.poll(() => failures.length).toBeGreaterThan(2);
    await housekeeping.stop();
    const count = ran.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ran.length).toBe(count);
    expect(ran.filter((name) => name === "a").length).toBeGreaterThan(1);
  });

  it("runs everything at once on demand", async () => {
    const ran: number[] = [];
    const jobs = [1, 2, 3].map((n) => ({ name: String(n), period: 1e6, run: async () => ran.push(n) }));
    const housekeeping = new Housekeeping(jobs, () => undefined);
    await housekeeping.runAll();
    expect(ran).toEqual([1, 2, 3]);
  });
});
