import { expect, it } from "vitest";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { probe } from "../../../src/hsm/pkcs11/probe.ts";
import { hsmConformance } from "../../conformance/hsm.ts";
import { hsmVectors } from "../../conformance/hsm-vectors.ts";
import { nssTokens } from "./nss.ts";

const fresh = nssTokens();
// SoftHSM2's suite is that of one session; here several take turns at whatever comes.
const sessions = 4;
hsmConformance("NSS", { driver, fresh: async () => ({ ...(await fresh()), sessions }), stride: 32 });
hsmVectors("NSS", { driver, fresh, stride: 32 });

it("the probe finds RFC 5649 under NSS's number, and that NSS gives keys away that are not extractable", async () => {
  const { tests, lacks, serves, refuses, domainKeyModes, boundaries, wrappings, interfaces, imports } = await probe(
    await fresh(),
  );
  expect(tests.map(({ ok }) => ok)).toEqual([true, true, true, false, true, true, true, false, false]);
  expect(tests[2]?.detail).toMatch(/0x210b.*, AES-CBC-PAD/);
  expect(tests[2]?.detail).not.toContain("0x210a");
  expect(tests[4]?.detail).toContain("SHA-256");
  expect(lacks).toEqual(
    ["take it out", "keys unwrap readable", "needs CKA_UNWRAP_TEMPLATE"].map((reason) =>
      expect.stringContaining(reason),
    ),
  );
  expect(wrappings).toEqual(["kwp", "cbc-pad"]);
  expect(boundaries).toEqual(["call-key", "token-gcm", "token"]);
  expect(domainKeyModes).toEqual(["plain"]);
  expect(interfaces).toContainEqual({ name: "PKCS 11", version: "3.0" });
  expect(serves.map(({ spec }) => spec)).toContain("ECC_NIST_P521");
  expect(imports.takes.RSAES_OAEP_SHA_256).toEqual([
    ...["SYMMETRIC_DEFAULT", "SM4", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"],
    ...["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"],
  ]);
  expect(imports.takes.RSA_AES_KEY_WRAP_SHA_256).toContain("RSA_2048");
  const koblitz = refuses.find(({ spec }) => spec === "ECC_SECG_P256K1");
  expect(koblitz?.reason).toContain("CKR_DOMAIN_PARAMS_INVALID");
});
