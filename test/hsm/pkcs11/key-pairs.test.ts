import { expect, it } from "vitest";
import { Asymmetric } from "../../../src/engine/asymmetric/asymmetric.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import type { KeySpec, KeyUsage } from "../../../src/model/key-spec.ts";
import { expectHsmError, hbkIdOf, metaOf } from "../../conformance/hsm-fixture.ts";
import { aad, encrypt, newKey, openSoft, softTokens } from "./tokens.ts";

const token = softTokens();
const outside = new Asymmetric(null);
const metaFor = (spec: KeySpec, usage: KeyUsage) => ({ ...metaOf("kms-private"), spec, usage });

it("other calls go on while key pairs are made, and the worker is not taken to hang", async () => {
  const config = { ...(await token()), deadline: 2_000 };
  await driver.init(config);
  const hsm = await openSoft(config);
  const [before, key] = [hsm.workerPids, await newKey(hsm)];
  let pending = 3;
  const made = Array.from({ length: pending }, async () => {
    await hsm.keyPairs.generate(metaFor("RSA_4096", "SIGN_VERIFY"));
    pending -= 1;
  });
  let calls = 0;
  for (; pending > 0; calls++) await encrypt(hsm, key);
  await Promise.all(made);
  expect(calls).toBeGreaterThan(10);
  expect(hsm.workerPids).toEqual(before);
  await hsm.close();
});

it("under a locked domain key, keys sign and decrypt, go nowhere else, and do not agree on secrets", async () => {
  const [config, elsewhere] = [await token(), await token()];
  await driver.init(config, "locked");
  await driver.init(elsewhere);
  const [hsm, admin] = [await openSoft(config), await driver.openAdmin(config)];
  const [other, otherAdmin] = [await openSoft(elsewhere), await driver.openAdmin(elsewhere)];
  expect(hsm.refusal("ECC_NIST_P256", "KEY_AGREEMENT")).toMatch(/locked/);
  await expectHsmError("unsupported", hsm.keyPairs.generate(metaFor("ECC_NIST_P256", "KEY_AGREEMENT")));
  const rsa = await hsm.keyPairs.generate(metaFor("RSA_2048", "ENCRYPT_DECRYPT"));
  const ciphertext = outside.encrypt("RSAES_OAEP_SHA_256", rsa.publicKey, aad);
  expect(await hsm.keyPairs.decrypt(rsa.ekt, "RSAES_OAEP_SHA_256", ciphertext)).toEqual(aad);
  await expectHsmError("refused", admin.rewrap(rsa.ekt));

  await otherAdmin.pinTransportKey(await admin.transportKey());
  const meta = metaFor("ECC_NIST_P256", "SIGN_VERIFY");
  const ec = await other.keyPairs.generate(meta);
  const exported = await otherAdmin.exportTo(ec.ekt, await admin.transportKey());
  const imported = await admin.importFrom(meta, hbkIdOf(ec.ekt), exported);
  const signature = await hsm.keyPairs.sign(imported, "ECDSA_SHA_256", aad, "RAW");
  expect(await outside.verify("ECDSA_SHA_256", ec.publicKey, aad, "RAW", signature)).toBe(true);
  const stranger = await other.keyPairs.generate(meta);
  await expectHsmError("refused", admin.importFrom(meta, hbkIdOf(stranger.ekt), exported));
  for (const each of [hsm, admin, other, otherAdmin]) await each.close();
});
