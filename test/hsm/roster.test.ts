import { expect, test } from "vitest";
import { rosterTable } from "../../src/hsm/roster.ts";

test("a line for each HSM says where new keys are made, and what is wrong", () => {
  const health = { ok: true, detail: "" };
  const lines = (...specs: readonly (readonly ["ECC_NIST_P256"] | "default" | undefined)[]) =>
    rosterTable([
      { name: "a", health },
      ...specs.map((one, i) => ({ name: `b${i}`, health, ...(one && { specs: one }) })),
      { name: "z", health: { ok: false, detail: "it is away" }, replicaOf: "a" },
    ]).split("\n");
  expect(lines()[1]).toMatch(/^a +default +ok$/);
  expect(lines(["ECC_NIST_P256"], undefined).slice(1)).toEqual([
    expect.stringMatching(/^a +default +ok$/),
    expect.stringMatching(/^b0 +ECC_NIST_P256 +ok$/),
    expect.stringMatching(/^b1 +none +ok$/),
    expect.stringMatching(/^z +replica of a +it is away$/),
  ]);
  expect(lines("default")[1]).toMatch(/^a +none +ok$/);
});
