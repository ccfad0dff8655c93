import { describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import { keyStates } from "../../src/model/key-spec.ts";
import { checkState } from "../../src/model/state-table.ts";
import { operations } from "../../src/operations/index.ts";

const arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const keyless = [
  "ConnectCustomKeyStore",
  "CreateCustomKeyStore",
  "CreateKey",
  "DeleteCustomKeyStore",
  "DescribeCustomKeyStores",
  "DisconnectCustomKeyStore",
  "GenerateRandom",
  "ListKeys",
  "ListRetirableGrants",
  "UpdateCustomKeyStore",
];

describe("the table of key states", () => {
  it.each([...operations.keys()].filter((name) => !keyless.includes(name)))("has a row for %s", (operation) => {
    for (const state of keyStates) {
      try {
        checkState(operation, state, arn);
      } catch (error) {
        expect(error).toBeInstanceOf(KmsError);
        expect((error as KmsError).message.startsWith(arn)).toBe(true);
      }
    }
  });

  it("refuses an operation that it does not know", () => {
    expect(() => checkState("Guess", "Enabled", arn)).toThrow("no key states are listed for Guess");
  });
});
