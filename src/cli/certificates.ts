import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
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

/** A certificate with less left is replaced. Milliseconds. */
const reserve = 30 * 86_400_000;
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
    // What makes them takes a tenth of a second to load, and is needed once a year.
    const { issue } = await import("./certificate-authority.ts");
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
