import { expect, it } from "vitest";
import { probe } from "../../../src/hsm/pkcs11/probe.ts";
import { probePage } from "../../../src/hsm/pkcs11/probe-page.ts";
import { softTokens } from "./tokens.ts";

const fresh = softTokens();

it("tells people what a token does, what not and why, and what it can be configured for", async () => {
  const page = probePage(await probe(await fresh()));
  expect(page).toMatch(/^SoftHSM project SoftHSM v2 "kms", serial [0-9a-f]{16}, firmware 2\.\d/);
  expect(page).toContain("  ✓ HMAC-SHA-256\n      gives the known answer");
  expect(page).toContain("  ✗ token\n      the token cannot be the boundary token");
  expect(page).toMatch(
    /✓ HMAC_224, HMAC_256, HMAC_384, HMAC_512 \(GENERATE_VERIFY_MAC\)\n {6}the key stays in the token/,
  );
  expect(page).toMatch(/✗ ML_KEM_512 \(ENCAPSULATE_DECAPSULATE\)\n {6}The PKCS#11 driver has no ML_KEM_512 keys\./);
  expect(page).toMatch(/✓ RSAES_OAEP_SHA_1\n {6}SYMMETRIC_DEFAULT, /);
  expect(page).toMatch(/wrapping: kwp\nboundary: call-key, token-gcm\nmodes of a domain key: plain, locked, trusted$/);
});

it("says that nothing was tried, where there is no PIN", async () => {
  const { pin: _, ...withoutPin } = await fresh();
  const page = probePage(await probe(withoutPin));
  expect(page).toContain("mechanisms listed");
  expect(page).toMatch(/Nothing was tried: that takes a PIN \(--pin\)\.$/);
});
