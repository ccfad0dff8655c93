import "reflect-metadata";
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { writePrivateFile } from "../base/private-file.ts";
import { isWildcard } from "./address.ts";
import { privateFolder } from "./home.ts";

export interface Certificates {
  /** What clients trust: a file with one PEM certificate. */
  readonly caFile: string;
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 86_400_000;
/** Some clients refuse server certificates that are valid for more than 398 days. */
const validity = 397 * day;
/** A certificate with less left is replaced. */
const reserve = 30 * day;
const always = ["localhost", "127.0.0.1", "::1"];

/**
 * The server certificate of a `dev` home for `hosts` and this machine's own names, made again when it is close to its
 * end or lacks a host, under a CA of its own. The CA's key signs once and is never stored, so that nobody can misuse
 * a CA that somebody has come to trust; a new certificate therefore comes with a new CA, in the same file.
 */
export async function ensureCertificates(home: string, hosts: readonly string[]): Promise<Certificates> {
  const folder = privateFolder(join(home, "tls"));
  const files = {
    ca: join(home, "ca.pem"),
    cert: join(folder, "server.pem"),
    key: join(folder, "server-key.pem"),
  };
  const names = [...new Set([...always, ...hosts.map((host) => (isWildcard(host) ? hostname() : host))])];
  if (!usable(files, names)) {
    const issued = await issue(names);
    for (const name of ["ca", "cert", "key"] as const) writePrivateFile(files[name], issued[name]);
  }
  return { caFile: files.ca, cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") };
}

type Names = "ca" | "cert" | "key";

/** Whether the files belong together (after a crash between them they do not) and serve `names` for long enough. */
function usable(files: Record<Names, string>, names: readonly string[]): boolean {
  try {
    const ca = new X509Certificate(readFileSync(files.ca));
    const cert = new X509Certificate(readFileSync(files.cert));
    return (
      cert.verify(ca.publicKey) &&
      cert.checkPrivateKey(createPrivateKey(readFileSync(files.key))) &&
      cert.validToDate.getTime() - Date.now() > reserve &&
      cert.validFromDate.getTime() <= Date.now() &&
      names.every((name) => (isIP(name) ? cert.checkIP(name) : cert.checkHost(name)) !== undefined)
    );
  } catch {
    return false;
  }
}

/** PEM of each. */
async function issue(names: readonly string[]): Promise<Record<Names, string>> {
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
