/** A certificate whose key never leaves the HSM: `node examples/certificate.ts hsm.json` (the file: see encrypt.ts). */
import { readFileSync } from "node:fs";
import "reflect-metadata";
import { X509CertificateGenerator } from "@peculiar/x509";
import { openHsm } from "strongroom/hsm";

await using hsm = await openHsm(JSON.parse(readFileSync(process.argv[2] ?? "hsm.json", "utf8")));

const keys = await hsm.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
const certificate = await X509CertificateGenerator.createSelfSigned(
  {
    name: "CN=Example root",
    notAfter: new Date(Date.now() + 365 * 86_400_000),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys,
  },
  hsm.crypto,
);
console.log(certificate.toString("pem"));
