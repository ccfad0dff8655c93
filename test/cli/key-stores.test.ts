import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { readKeyStores } from "../../src/cli/key-stores.ts";
import { selfSigned } from "../server/certificate.ts";

describe("the file of custom key stores", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-key-stores-"));
  const file = join(folder, "key-stores.yaml");
  let certificate: string;

  const read = (source: string) => {
    writeFileSync(file, source);
    return readKeyStores(file);
  };

  beforeAll(async () => {
    certificate = (await selfSigned()).cert;
    writeFileSync(join(folder, "ca.pem"), certificate);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it("names proxies and clusters; certificates are read, secrets are not", () => {
    const config = read(`
proxies:
  xks.example.com: { address: "10.0.0.7:8443", ca: ca.pem, timeout: 250 }
  plain.example.com: {}
clusters:
  cluster-abcdefghijk: { hsm: vault, trustAnchor: ca.pem, password: "file:password" }
`);
    expect(config).toEqual({
      proxies: {
        "xks.example.com": { address: { host: "10.0.0.7", port: 8443 }, ca: certificate, timeout: 250 },
        "plain.example.com": {},
      },
      clusters: {
        "cluster-abcdefghijk": { hsm: "vault", trustAnchor: certificate, password: `file:${join(folder, "password")}` },
      },
    });
    expect(read("proxies: {}")).toEqual({ proxies: {}, clusters: {} });
  });

  it.each([
    ["a proxy with a port in its name", "proxies: { 'a:8443': {} }", "a name that is not a host name"],
    ["a time-out of nothing", "proxies: { a: { timeout: 0 } }", "proxies.a.timeout is not"],
    ["a CA that is no certificate", "proxies: { a: { ca: key-stores.yaml } }", "proxies.a.ca names no file"],
    ["an unknown key", "proxies: { a: { tls: no } }", "proxies.a has a name that is not known"],
    ["a cluster by another name", "clusters: { vault: {} }", "a name that is not a cluster id"],
    [
      "a password in the clear",
      "clusters: { cluster-abcdefghijk: { hsm: vault, trustAnchor: ca.pem, password: hunter2 } }",
      "clusters.cluster-abcdefghijk.password is not a reference",
    ],
  ])("%s is refused, and the place is named", (_, source, message) => {
    expect(() => read(source)).toThrow(ConfigError);
    expect(() => read(source)).toThrow(message);
  });
});
