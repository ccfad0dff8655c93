import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Progress } from "../../src/cli/progress.ts";

const written: string[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  written.length = 0;
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(`${text}`) > 0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Ten keys a second. */
function run(terminal: boolean, keys: number): void {
  const progress = new Progress(terminal);
  for (let done = 1; done <= keys; done++) {
    vi.advanceTimersByTime(100);
    progress.tell(done, keys);
  }
  progress.end();
}

it("a long job tells every few seconds how far it is, where there is no terminal, and a short one nothing", () => {
  run(false, 20);
  expect(written).toEqual([]);
  run(false, 1_200);
  expect(written[0]).toBe("50 of 1200 keys, 10/s, 2 min left\n");
  expect(written.at(-1)).toBe("1200 of 1200 keys, 10/s, 0 s left\n");
  expect(written).toHaveLength(24);
});

it("on a terminal it is one line, which goes in the end", () => {
  run(true, 3);
  expect(written.map((text) => text.replace("\r\x1b[K", ""))).toEqual([
    "1 of 3 keys, 10/s, 1 s left",
    "2 of 3 keys, 10/s, 1 s left",
    "3 of 3 keys, 10/s, 0 s left",
    "",
  ]);
});
