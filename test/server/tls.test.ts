import { beforeAll, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { tlsOptions } from "../../src/server/tls.ts";
import { selfSigned } from "./certificate.ts";

let [mine, other]: Awaited<ReturnType<typeof selfSigned>>[] = [];
beforeAll(async () => {
  [mine, other] = [await selfSigned(), await selfSigned()];
});

it.each([
  ["a key that is another certificate's", () => ({ ...mine, key: other?.key }), "not that of its certificate"],
  ["a certificate in the place of the key", () => ({ ...mine, key: mine?.cert }), "is no private key in PEM"],
  ["a key in the place of the certificate", () => ({ ...mine, cert: mine?.key }), "is none in PEM"],
])("refuses %s before anybody connects", (_, identity, message) => {
  const start = () => tlsOptions(identity() as Awaited<ReturnType<typeof selfSigned>>);
  expect(start).toThrow(ConfigError);
  expect(start).toThrow(message);
});
