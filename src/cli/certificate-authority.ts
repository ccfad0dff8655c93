import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 86_400_000;
/** Some clients refuse server certificates that are valid for more than 398 days. */
const validity = 397 * day;

/** A server certificate for `names`, its key, and the CA that signed it and nothing else: PEM of each. */
export async function issue(names: readonly string[]): Promise<Record<"ca" | "cert" | "key", string>> {
  const [authority, server] = await Promise.all([keyPair(false), keyPair(true)]);
  // A little in the past, for clients in containers and virtual machines whose clocks are behind.
  const period = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() - day + validity) };
  const issuer = `CN=Strongroom dev CA ${randomBytes(4).toHex()}`;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...period,
    name: issuer,
    serialNumber: serialNumber(),
    keys: authority,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const cert = await x509.X509CertificateGenerator.create({
    ...period,
    subject: "CN=Strongroom dev",
    issuer,
    serialNumber: serialNumber(),
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) ? "ip" : "dns", value }))),
      await x509.SubjectKeyIdentifierExtension.create(server.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", server.privateKey), "PRIVATE KEY");
  return { ca: ca.toString("pem"), cert: cert.toString("pem"), key };
}

const keyPair = (extractable: boolean) => crypto.subtle.generateKey(algorithm, extractable, ["sign", "verify"]);

/** A positive number of 16 bytes (RFC 5280 §4.1.2.2), 126 bits of it random. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.toHex();
}
