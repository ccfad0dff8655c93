import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { fromHex, utf8 } from "../../../src/base/bytes.ts";
import { openAsymmetric } from "../../../src/engine/asymmetric/self-test.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import type { HbkKind } from "../../../src/model/hbk.ts";
import type { KeySpec, KeyUsage } from "../../../src/model/key-spec.ts";
import { metaOf } from "../../conformance/hsm-fixture.ts";
import { SecretsMade } from "../../engine/node/secrets-made.ts";

const secrets = new SecretsMade();
let directory: string;
/** The keys of the self-test are known. */
beforeAll(openAsymmetric);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
});
afterEach(() => {
  secrets.unwatch();
  rmSync(directory, { recursive: true });
});

it("a soft HSM that has been closed has left no secret behind", async () => {
  const config = { driver: "soft", directory, keyFile: join(directory, "key"), engine: "node" } as const;
  await driver.init(config);
  secrets.watch();
  const hsm = await driver.open(config);
  const admin = await driver.openAdmin(config);
  const id = await admin.addDomainKey();
  await admin.pinTransportKey(await admin.transportKey());
  // Initialization vectors come from the same generator, and are public.
  const left = () => secrets.left(fromHex(id)).filter(({ length }) => length > 12);
  expect(left()).not.toEqual([]);
  await hsm.close();
  await admin.close();
  expect(left()).toEqual([]);
});

it("keys that are exposed leave nothing behind but the answers", async () => {
  const config = { driver: "soft", directory, keyFile: join(directory, "key"), engine: "wasm" } as const;
  await driver.init(config);
  const hsm = await driver.open(config);
  const message = utf8("message");
  const meta = (kind: HbkKind, spec: KeySpec, usage: KeyUsage) => ({ ...metaOf(kind), spec, usage });
  const symmetric = await hsm.generateKey(metaOf("kms-symmetric"));
  const hmac = await hsm.generateKey(meta("kms-hmac", "HMAC_512", "GENERATE_VERIFY_MAC"));
  const { keyPairs } = hsm;
  if (!keyPairs) throw new Error("the soft HSM has key pairs");
  const pair = (spec: KeySpec, usage: KeyUsage) => keyPairs.generate(meta("kms-private", spec, usage));
  const [signer, rsa] = [await pair("ECC_NIST_P256", "SIGN_VERIFY"), await pair("RSA_2048", "ENCRYPT_DECRYPT")];
  const [agreeing, kem] = [
    await pair("ECC_NIST_P256", "KEY_AGREEMENT"),
    await pair("ML_KEM_512", "ENCAPSULATE_DECAPSULATE"),
  ];
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    "generate, HMAC": () => hsm.generateKey(meta("kms-hmac", "HMAC_384", "GENERATE_VERIFY_MAC")),
    mac: () => hsm.mac(hmac, message),
    "generate, EC": () => pair("ECC_NIST_P521", "SIGN_VERIFY"),
    "generate, RSA": () => pair("RSA_2048", "SIGN_VERIFY"),
    "generate, ML-DSA": () => pair("ML_DSA_44", "SIGN_VERIFY"),
    sign: () => keyPairs.sign(signer.ekt, "ECDSA_SHA_256", message, "RAW"),
    "sign, a digest": () => keyPairs.sign(signer.ekt, "ECDSA_SHA_256", new Uint8Array(32), "DIGEST"),
    "sign, refused": () =>
      keyPairs.sign(signer.ekt, "RSASSA_PSS_SHA_256", new Uint8Array(32), "DIGEST").catch(() => {}),
    decrypt: () => keyPairs.decrypt(rsa.ekt, "RSAES_OAEP_SHA_256", new Uint8Array(256)),
    deriveSharedSecret: () => keyPairs.deriveSharedSecret(agreeing.ekt, signer.publicKey),
    decapsulate: () => keyPairs.decapsulate(kem.ekt, new Uint8Array(768)),
    "a data key pair": () => keyPairs.generateDataKeyPair(symmetric, "ECC_NIST_P256", message, "ciphertext"),
    "a data key pair, kept": () => keyPairs.generateDataKeyPair(symmetric, "ECC_NIST_P256", message, "both"),
  };
  for (const [name, call] of Object.entries(calls)) {
    secrets.watch();
    const answer = (await call()) ?? {};
    const open = answer instanceof Uint8Array ? [answer] : Object.values(answer as Record<string, Uint8Array>);
    expect(secrets.left(...open), name).toEqual([]);
  }
  await hsm.close();
});
