import { generateKeyPairSync } from "node:crypto";
import { encode } from "cborg";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Attestation } from "../../src/attestation/attestation.ts";
import type { KmsError } from "../../src/base/errors.ts";
import {
  coseSign1,
  Enclave,
  Extension,
  type IssueOptions,
  issue,
  KeyUsageFlags,
  newPki,
  type Pki,
  privateKeyOf,
} from "./enclave.ts";

describe("an attestation document", () => {
  let pki: Pki;
  let enclave: Enclave;
  let attestation: Attestation;

  beforeAll(async () => {
    pki = await newPki();
    enclave = new Enclave(pki);
    attestation = new Attestation(pki.roots);
  });

  const refusal = (document: Uint8Array, by = attestation, now = Date.now()): string => {
    try {
      by.verify(document, now);
    } catch (error) {
      expect(error).toMatchObject({ code: "ValidationException" });
      return (error as KmsError).message;
    }
    return "verified";
  };

  it("tells what the enclave has measured", async () => {
    const { document } = attestation.verify(await enclave.document());
    expect(document).toMatchObject({ kind: "enclave", moduleId: "i-0123456789abcdef0-enc0123456789abcdef" });
    expect(document.pcrs.get(0)).toBe(enclave.pcr0.toString("hex"));
  });

  it("may be tagged as COSE_Sign1", async () => {
    const tagged = Uint8Array.of(0xd2, ...(await enclave.document()));
    expect(refusal(tagged)).toBe("verified");
  });

  it("may be that of a NitroTPM", async () => {
    const members = enclave.members();
    members.set("nitrotpm_pcrs", new Map([[4, new Uint8Array(48).fill(7)]]));
    members.delete("pcrs");
    const { document } = attestation.verify(await enclave.document(members));
    expect([document.kind, document.pcrs.get(4)]).toEqual(["nitroTpm", "07".repeat(48)]);
  });

  it("is refused when any octet of it has changed", async () => {
    const document = await enclave.document();
    fc.assert(
      fc.property(fc.nat(document.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = document.slice();
        changed[place] = (changed[place] as number) ^ change;
        expect(refusal(changed)).toMatch(/^The attestation document cannot be verified: /);
      }),
      { numRuns: 200 },
    );
  });

  it("is refused when it is anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => void expect(refusal(octets)).not.toBe("verified")),
    );
    expect(refusal(new Uint8Array(100_000).fill(0x81))).toContain("it is not CBOR");
  });

  it.each<[string, (members: Map<string, unknown>) => unknown, string]>([
    ["an old time", (m) => m.set("timestamp", Date.now() - 301_000), "it is not of now"],
    ["a time to come", (m) => m.set("timestamp", Date.now() + 301_000), "it is not of now"],
    ["no time", (m) => m.delete("timestamp"), "it has no time"],
    ["no key", (m) => m.set("public_key", null), "it has no RSA public key"],
    ["a short key", (m) => m.set("public_key", spki("rsa", 1024)), "it has no RSA public key"],
    ["a key of a curve", (m) => m.set("public_key", spki("ec")), "it has no RSA public key"],
    ["no registers", (m) => m.set("pcrs", new Map()), "it has no registers"],
    [
      "a register of another number",
      (m) => m.set("pcrs", new Map([[32, new Uint8Array(48)]])),
      "a register has no number",
    ],
    ["a register of another length", (m) => m.set("pcrs", new Map([[0, new Uint8Array(20)]])), "is not a digest"],
    ["another digest", (m) => m.set("digest", "SHA256"), "its digest is not SHA384"],
    ["no bundle", (m) => m.set("cabundle", []), "it has no bundle"],
    ["a certificate that is none", (m) => m.set("certificate", new Uint8Array(9)), "a certificate cannot be read"],
  ])("is refused with %s", async (_, change, problem) => {
    const members = enclave.members();
    change(members);
    expect(refusal(await enclave.document(members))).toContain(problem);
  });

  it("is refused under another algorithm or signer", async () => {
    const payload = encode(enclave.members());
    expect(refusal(coseSign1(payload, await privateKeyOf(pki.signer), -7))).toContain("its algorithm is not ES384");
    expect(refusal(coseSign1(payload, await privateKeyOf(await issue("other"))))).toContain(
      "its signature is not valid",
    );
  });

  const withPki = async (options: { ca?: IssueOptions; signer?: IssueOptions }): Promise<string> => {
    const own = await newPki(options);
    return refusal(await new Enclave(own).document(), new Attestation(own.roots));
  };

  it("is refused under a root that is not configured", async () => {
    const other = await newPki();
    expect(refusal(await new Enclave(other).document())).toContain("its root is not one that is trusted here");
    const headless = enclave.members();
    headless.set("cabundle", pki.bundle.slice(1));
    expect(refusal(await enclave.document(headless))).toContain("its root is not one that is trusted here");
    const joined = enclave.members();
    joined.set("cabundle", [pki.bundle[0], ...other.bundle.slice(1)]);
    expect(refusal(await enclave.document(joined))).toContain("its certificates are not a chain");
  });

  it.each<[string, { ca?: IssueOptions; signer?: IssueOptions }, string]>([
    ["an expired signer", { signer: { until: Date.now() - 1000 } }, "is not valid now"],
    ["an expired CA", { ca: { until: Date.now() - 1000 } }, "is not valid now"],
    ["a CA that is none", { ca: { isCa: false } }, "is not that of a CA"],
    ["a CA that may not certify", { ca: { usage: KeyUsageFlags.digitalSignature } }, "is not that of a CA"],
    ["a signer that is a CA", { signer: { isCa: true } }, "is not one for signatures"],
    ["a signer that may not sign", { signer: { usage: KeyUsageFlags.keyAgreement } }, "is not one for signatures"],
    [
      "an unknown critical extension",
      { signer: { more: [new Extension("1.2.3.4", true, new Uint8Array([5, 0]))] } },
      "critical",
    ],
  ])("is refused under %s", async (_, options, problem) => expect(await withPki(options)).toContain(problem));

  it("is refused under a path that is longer than a CA allows", async () => {
    expect(await withPki({ ca: { pathLength: 0 } })).toBe("verified");
    const root = await issue("root", { pathLength: 0 });
    const ca = await issue("ca", { issuer: root });
    const signer = await issue("signer", { issuer: ca, isCa: false });
    const own = {
      roots: root.certificate.toString("pem"),
      bundle: [root, ca].map((a) => new Uint8Array(a.certificate.rawData)),
      signer,
    };
    const document = await new Enclave(own).document();
    expect(refusal(document, new Attestation(own.roots))).toContain("is not that of a CA");
  });
});

function spki(type: "rsa" | "ec", modulusLength = 2048): Uint8Array {
  const { publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength }) : generateKeyPairSync("ec", { namedCurve: "P-384" });
  return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}
