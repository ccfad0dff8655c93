import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

import { createServer, get } from "node:https";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { ensureCertificates } from "../../src/cli/certificates.ts";

test("OpenSSL's strict checks accept them for a TLS server", async () => {
  const home = folder();
  const { caFile } = await ensureCertificates(home, ["10.1.2.3", "kms.example"]);
  const server = join(home, "tls", "server.pem");
  for (const name of [
    "-verify_hostname=localhost",
    "-verify_hostname=kms.example",
    "-verify_ip=10.1.2.3",
    "-verify_ip=::1",
  ]) {
    const [flag, value] = name.split("=") as [string, string];
    const answer = execFileSync(
      "openssl",
      ["verify", "-x509_strict", "-purpose", "sslserver", flag, value, "-CAfile", caFile, server],
      { encoding: "utf8" },
    );
    expect(answer).toBe(`${server}: OK\n`);
  }
});

test("a client that trusts the CA file connects by every name", async () => {
  const { caFile, cert, key } = await ensureCertificates(folder(), []);
  const server = createServer({ cert, key, minVersion: "TLSv1.3" }, (_, response) => response.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  for (const host of ["localhost", "127.0.0.1"]) {
    const [response] = await once(get({ host, port, ca: readFileSync(caFile), agent: false, family: 4 }), "response");
    expect(response.statusCode).toBe(200);
    response.resume();
  }
});

test("they are kept while they serve, and made again for a new host", async () => {
  const home = folder();
  const first = await ensureCertificates(home, ["10.1.2.3"]);
  expect(await ensureCertificates(home, ["10.1.2.3"])).toEqual(first);
  expect(await ensureCertificates(home, [])).toEqual(first);
  const second = await ensureCertificates(home, ["10.1.2.4"]);
  expect(second.cert).not.toBe(first.cert);
  expect(new X509Certificate(second.cert).checkIP("10.1.2.4")).toBe("10.1.2.4");
});

test("every interface stands for this machine's name", async () => {
  const { cert } = await ensureCertificates(folder(), ["0.0.0.0", "::"]);
  expect(new X509Certificate(cert).checkHost(hostname())).toBe(hostname());
  expect(new X509Certificate(cert).checkIP("0.0.0.0")).toBeUndefined();
});

test("they live for less than 398 days and are replaced 30 days before the end", async () => {
  const home = folder();
  const first = await ensureCertificates(home, []);
  const { validFromDate, validToDate } = new X509Certificate(first.cert);
  const days = (validToDate.getTime() - validFromDate.getTime()) / 86_400_000;
  expect(days).toBeLessThanOrEqual(398);
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ["Date"], now: validToDate.getTime() - 31 * 86_400_000 });
  expect(await ensureCertificates(home, [])).toEqual(first);
  vi.setSystemTime(validToDate.getTime() - 29 * 86_400_000);
  expect((await ensureCertificates(home, [])).cert).not.toBe(first.cert);
});

test.each(["ca.pem", "tls/server.pem", "tls/server-key.pem"])(
  "a lost, foreign or broken %s means new ones",
  async (name) => {
    const [home, other] = [folder(), folder()];
    const first = await ensureCertificates(home, []);
    await ensureCertificates(other, []);
    const path = join(home, name);
    for (const harm of [
      () => rmSync(path),
      () => copyFileSync(join(other, name), path),
      () => writeFileSync(path, "not PEM"),
    ]) {
      harm();
      const { caFile, cert, key } = await ensureCertificates(home, []);
      expect(cert).not.toBe(first.cert);
      const server = new X509Certificate(cert);
      expect(server.verify(new X509Certificate(readFileSync(caFile)).publicKey)).toBe(true);
      expect(key).toContain("BEGIN PRIVATE KEY");
    }
  },
);

test("the files are private, and the CA's key is not among them", async () => {
  const home = folder();
  await ensureCertificates(home, []);
  const names = readdirSync(home, { recursive: true }).map(String).sort();
  expect(names).toEqual(["ca.pem", "tls", "tls/server-key.pem", "tls/server.pem"]);
  for (const name of names) expect(statSync(join(home, name)).mode & 0o077).toBe(0);
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "certificates-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
