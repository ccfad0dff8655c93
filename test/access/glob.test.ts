import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob, globMatches, question, star } from "../../src/access/glob.ts";

const compile = (pattern: string) =>
  compileGlob([...pattern].map((character) => (character === "*" ? star : character === "?" ? question : character)));
const matches = (pattern: string, text: string): boolean => globMatches(compile(pattern), text);

/** Dynamic programming over all pairs of positions: slow and plainly right. */
function matchesByTable(pattern: string, text: string): boolean {
  let row = Array.from({ length: text.length + 1 }, (_, i) => i === 0);
  for (const token of pattern) {
    const next = [token === "*" && row[0] === true];
    for (let i = 1; i <= text.length; i++) {
      next[i] =
        token === "*"
          ? row[i] === true || next[i - 1] === true
          : row[i - 1] === true && (token === "?" || token === text[i - 1]);
    }
    row = next;
  }
  return row[text.length] === true;
}

describe("a glob", () => {
  test.each([
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["?", "", false],
    ["a*b", "ab", true],
    ["ab*ba", "aba", false],
    ["*a*", "bab", true],
    ["a?c*e?", "abcdeef", true],
    ["a*?b", "ab", false],
    ["*.*.*", "a.b", false],
  ])("%j on %j: %j", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test("agrees with the table of all positions", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (p, t) => matches(p, t) === matchesByTable(p, t)),
      { numRuns: 5000 },
    );
  });

  test("takes time in proportion to the text, however many stars there are", () => {
    const text = "a".repeat(100_000);
    const before = process.cpuUsage();
    expect(matches(`${"*a".repeat(1000)}*b`, text)).toBe(false);
    expect(matches(`${"*a".repeat(1000)}*b*`, text)).toBe(false);
    expect(matches(`${"*?a".repeat(1000)}*b*`, text)).toBe(false);
    // Backtracking would need more steps than there are atoms.
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
  });
});
