import { expect, test } from "vitest";
import { checkQuota } from "../../src/model/quotas.ts";

test("ten custom key stores are within their quota, and one more is not", () => {
  checkQuota("customKeyStoresPerRegion", 10);
  expect(() => checkQuota("customKeyStoresPerRegion", 11)).toThrow(
    expect.objectContaining({ code: "LimitExceededException", message: "There are 10 custom key stores already." }),
  );
});

test("whoever goes beyond a quota is told whose it is, where that is said", () => {
  expect(() => checkQuota("aliasesPerKey", 51, "arn:aws:kms:x")).toThrow("The key has too many aliases: arn:aws:kms:x");
});
