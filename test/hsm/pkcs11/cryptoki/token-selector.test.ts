import { expect, it } from "vitest";
import { chooseToken } from "../../../../src/hsm/pkcs11/cryptoki/token-selector.ts";

const token = (slot: number, label: string, serial: string) => ({
  slot,
  token: { label: label.padEnd(32), serial, manufacturer: "Acme", model: "HSM", slotId: slot },
});

it("of several tokens none is chosen, and what would tell them apart is named", () => {
  const twins = [token(1, "kms", "1"), token(2, "kms", "2")];
  expect(() => chooseToken(twins, { label: "kms" })).toThrow("2 tokens answer to the PKCS#11 URI: add serial=<serial>");
  expect(chooseToken(twins, { label: "kms", serial: "2" })).toBe(2);
  const numberless = [token(1, "a", "123"), token(2, "b", "123")];
  expect(() => chooseToken(numberless, { serial: "123" })).toThrow("add token=<label>");
  const same = [token(1, "kms", "123"), token(2, "kms", "123")];
  expect(() => chooseToken(same, { label: "kms" })).toThrow("add slot-id=<number>");
  expect(() => chooseToken(same, { label: "kms", slotId: 3 })).toThrow("no token answers");
});
