import * as client from "@aws-sdk/client-kms";
import { describe, expect, it } from "vitest";
import { documentedOperations, keyless } from "./matrix/documented.ts";
import { render } from "./matrix/render.ts";
import { matrix } from "./matrix/suite.ts";

const everyOperation = Object.keys(client)
  .filter((name) => /^[A-Z].*Command$/.test(name))
  .map((name) => name.replace(/Command$/, ""));

/** What was seen is docs/matrix.md; to write it anew: `npx vitest run test/contract/matrix.test.ts --update`. */
describe("the matrix of operations, key states and kinds of keys", () => {
  it("has a row for every operation of the newest client that is about a key", () => {
    expect([...documentedOperations, ...keyless].sort()).toEqual(everyOperation.sort());
  });

  const seen = matrix("soft");

  it("is as it is written down for people", async () => {
    await expect(render(seen.outcomes, seen.subjects)).toMatchFileSnapshot("../../docs/matrix.md");
  });
});
