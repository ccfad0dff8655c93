import { expect, it } from "vitest";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { probe } from "../../../../src/hsm/pkcs11/probe.ts";
import { hsmConformance } from "../../../conformance/hsm.ts";
import { openCryptokiTokens } from "./tokens.ts";

const fresh = await openCryptokiTokens(24);
hsmConformance("openCryptoki", { driver, fresh: async () => ({ ...(await fresh()), sessions: 4 }), stride: 32 });

it("the probe finds no RFC 5649 in openCryptoki, and that keys move under RSA-OAEP alone", async () => {
  const { tests, serves, imports, boundaries } = await probe(await fresh());
  expect(tests.map(({ ok }) => ok)).toEqual([true, true, true, true, true, false, false, false, false]);
  expect(tests[2]?.detail).toMatch(/^AES-CBC-PAD key wrap; /);
  expect(tests[4]?.detail).toContain("alone");
  for (const mode of [7, 8]) expect(tests[mode]?.detail).toContain("RFC 5649");
  expect(boundaries).toEqual(["call-key"]);
  expect(imports.takes.RSAES_OAEP_SHA_1).toEqual(["SYMMETRIC_DEFAULT", "SM4", "HMAC_256", "HMAC_384", "HMAC_512"]);
  expect(imports.takes.RSAES_OAEP_SHA_256).toEqual(imports.takes.RSAES_OAEP_SHA_1);
  expect(imports.lacks.RSA_AES_KEY_WRAP_SHA_256).toContain("RFC 5649");
  const specs = new Set(serves.map(({ spec }) => spec));
  expect([...specs].filter((spec) => !spec.startsWith("HMAC"))).toEqual([
    "SYMMETRIC_DEFAULT",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
  ]);
});
