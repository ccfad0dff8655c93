import { describe, expect, it } from "vitest";
import { parseReference } from "../../src/kms/reference.ts";

const home = { account: "111122223333", region: "us-east-1" };
const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const multiRegion = "mrk-1234abcd12ab34cd56ef1234567890ab";

describe("a key reference", () => {
  it.each([
    [id, { kind: "key", account: home.account, id }],
    [multiRegion, { kind: "key", account: home.account, id: multiRegion }],
    [`arn:aws:kms:us-east-1:444455556666:key/${id}`, { kind: "key", account: "444455556666", id }],
    ["alias/a/b", { kind: "alias", account: home.account, name: "alias/a/b" }],
    ["arn:aws:kms:us-east-1:444455556666:alias/a", { kind: "alias", account: "444455556666", name: "alias/a" }],
  ])("is read: %s", (text, reference) => {
    expect(parseReference(text, home)).toEqual(reference);
  });

  it.each([
    ["nonsense", "NotFoundException", "Invalid keyId 'nonsense'"],
    ["a secret with spaces", "NotFoundException", "Invalid keyId '…'"],
    [`arn:aws:kms:eu-west-1:111122223333:key/${id}`, "NotFoundException", "Invalid arn eu-west-1"],
    ["arn:aws:kms:us-east-1:111122223333:key/nonsense", "NotFoundException", "Invalid keyId nonsense"],
    [
      "arn:aws:kms:us-east-1:111122223333:user/nonsense",
      "InvalidArnException",
      "The ARN is not that of a KMS key or alias.",
    ],
    ["mrk-1234", "NotFoundException", "Invalid keyId 'mrk-1234'"],
    ["arn:aws:kms:us-east-1:1:key/nonsense", "InvalidArnException", "The ARN is not that of a KMS key or alias."],
    ["arn:", "InvalidArnException", "The ARN is not that of a KMS key or alias."],
  ])("is refused: %s", (text, code, message) => {
    expect(() => parseReference(text, home)).toThrowError(expect.objectContaining({ code, message }));
  });
});
