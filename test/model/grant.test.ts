import { describe, expect, test } from "vitest";
import { constraintPairs, grantableOn, grantOperations, operationBits } from "../../src/model/grant.ts";
import type { KeySpec, KeyUsage } from "../../src/model/key-spec.ts";

describe("a grant", () => {
  test.each<[KeySpec, KeyUsage, string]>([
    [
      "SYMMETRIC_DEFAULT",
      "ENCRYPT_DECRYPT",
      "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo GenerateDataKeyPair " +
        "GenerateDataKeyPairWithoutPlaintext",
    ],
    ["RSA_2048", "ENCRYPT_DECRYPT", "Decrypt Encrypt ReEncryptFrom ReEncryptTo GetPublicKey"],
    ["RSA_2048", "SIGN_VERIFY", "Sign Verify GetPublicKey"],
    ["ML_DSA_44", "SIGN_VERIFY", "Sign Verify GetPublicKey"],
    ["HMAC_256", "GENERATE_VERIFY_MAC", "GenerateMac VerifyMac"],
    ["ECC_NIST_P256", "KEY_AGREEMENT", "DeriveSharedSecret GetPublicKey"],
    ["ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "Encapsulate Decapsulate GetPublicKey"],
  ])("on a key of %s for %s allows what that can do", (spec, usage, own) => {
    const all = ["CreateGrant", "RetireGrant", "DescribeKey", ...own.split(" ")];
    expect([...grantableOn(spec, usage)].sort()).toEqual(all.sort());
  });

  test("has a bit for each operation", () => {
    const bits = grantOperations.map((operation) => operationBits([operation]));
    expect(new Set(bits).size).toBe(grantOperations.length);
    expect(operationBits(grantOperations)).toBe(2 ** grantOperations.length - 1);
    expect(operationBits(["Sign", "Sign"])).toBe(operationBits(["Sign"]));
  });

  test("compares pairs that no other context has", () => {
    const pairs = (context: Record<string, string>): string => constraintPairs(context).join();
    expect(pairs({ A: "1", b: "2" })).toBe(pairs({ B: "2", a: "1" }));
    const apart = [
      {},
      { a: "" },
      { "": "a" },
      { a: "1" },
      { a: "1", A: "1" },
      { a: '1",["b","2"]' },
      { a: "1", b: "2" },
    ];
    expect(new Set(apart.map((context) => pairs(context as Record<string, string>))).size).toBe(apart.length);
  });
});
