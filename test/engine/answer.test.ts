import { expect, it } from "vitest";
import { newAnswer } from "../../src/engine/answer.ts";

it("gives each its own octets, whatever the length", () => {
  const lengths = [0, 1, 64, 65, 4112, 8192, 8193, 65_552];
  const answers = [...lengths, ...lengths.toReversed(), ...lengths].map((length, i) => newAnswer(length).fill(i));
  for (const [i, answer] of answers.entries()) expect(answer).toEqual(new Uint8Array(answer.length).fill(i));
  expect(answers.slice(0, lengths.length).map(({ length }) => length)).toEqual(lengths);
});

it("gives plain arrays, which are no Buffers", () => {
  for (const length of [64, 65_552]) expect(Object.getPrototypeOf(newAnswer(length))).toBe(Uint8Array.prototype);
});
