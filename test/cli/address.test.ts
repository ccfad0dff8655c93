import { expect, test } from "vitest";
import { formatAddress, isWildcard, parseAddress } from "../../src/cli/address.ts";

test.each(["127.0.0.1:8443", "[::1]:0", "localhost:65535", "kms.example.com:443", "0.0.0.0:1"])(
  "%s reads and writes the same",
  (text) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(text);
  },
);

test.each([
  "8443",
  ":8443",
  "localhost",
  "localhost:",
  "localhost:65536",
  "localhost:-1",
  "localhost:0x1",
  "::1:443",
  "[127.0.0.1]:443",
  "[::1",
  "[]:1",
  "127.1:443",
  "1.2.3.4.5:443",
  "-a:443",
  "a b:443",
  "a/b:443",
  "https://a:443",
  "",
])("%j is no address", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each(["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0"])("%s is every interface", (host) => {
  expect(isWildcard(host)).toBe(true);
});

test.each(["127.0.0.1", "::1", "10.0.0.0", "localhost", "fe80::"])("%s is one interface", (host) => {
  expect(isWildcard(host)).toBe(false);
});
