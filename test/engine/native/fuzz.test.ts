import { expect, it } from "vitest";
import { load } from "../../../src/engine/native/addon.ts";
import { functionsOf, receivers } from "./functions.ts";
import { fuzz } from "./fuzz.ts";

it("changed calls reach the end of every native function and answer a status", () => {
  const addon = load();
  const answers = fuzz(addon, 4, "of this test");
  const names = new Set(functionsOf(receivers(addon)).map(([name]) => name));
  const reached = Object.keys(answers)
    .filter((kind) => kind.endsWith(" ok"))
    .map((kind) => kind.slice(0, -3));
  expect([...names].filter((name) => !reached.includes(name))).toEqual([]);
});
