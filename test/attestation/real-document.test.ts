import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Attestation } from "../../src/attestation/attestation.ts";
import { CertificateChains } from "../../src/attestation/chain.ts";
import { parseDocument } from "../../src/attestation/document.ts";

const file = new URL("../vectors/nitro-attestation.json", import.meta.url);
const vector = JSON.parse(readFileSync(file, "utf8")) as { readonly signedAt: string; readonly document: string };
const document = Uint8Array.fromBase64(vector.document);
const signedAt = Date.parse(vector.signedAt);

/** AWS Nitro Enclaves User Guide, "Verifying the root of trust": SHA-256 of the root certificate, G1. */
const rootOfAws = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";

describe("a document that a Nitro enclave on AWS has made", () => {
  const { certificates } = parseDocument(document);
  const [root = new Uint8Array()] = certificates;
  const pem = `-----BEGIN CERTIFICATE-----\n${root.toBase64()}\n-----END CERTIFICATE-----`;

  it("is under the root of AWS", () => {
    expect(createHash("sha256").update(root).digest("hex")).toBe(rootOfAws);
  });

  it("is authentic at its time, and tells what the enclave has measured", () => {
    const key = new CertificateChains(pem).verify(certificates, signedAt);
    const { moduleId, timestamp, kind, pcrs, publicKey } = parseDocument(document).verify(key);
    expect([moduleId, timestamp, kind]).toEqual(["i-0a22e5c5f24d22174-enc0191cceb4289903f", signedAt, "enclave"]);
    expect(pcrs.size).toBe(16);
    expect(pcrs.get(0)).toMatch(/^e72a46ca80a260fb/);
    expect(pcrs.get(15)).toBe("00".repeat(48));
    expect(publicKey).toBeUndefined();
  });

  it("is not authentic when its certificates are over, or a bit of it has changed", () => {
    const chains = new CertificateChains(pem);
    expect(() => chains.verify(certificates, signedAt + 4 * 3_600_000)).toThrow("a certificate is not valid now");
    const key = chains.verify(certificates, signedAt);
    const changed = Uint8Array.from(document);
    changed[150] = (changed[150] as number) ^ 1;
    expect(() => parseDocument(changed).verify(key)).toThrow("its signature is not valid");
  });

  it("is no recipient: it holds no RSA key to encrypt for", () => {
    expect(() => new Attestation(pem).verify(document, signedAt)).toThrow("no RSA public key");
  });
});
