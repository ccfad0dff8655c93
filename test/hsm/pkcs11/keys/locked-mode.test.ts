import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../../src/base/bytes.ts";
import type { Driver, KeyPairs, Pkcs11Config } from "../../../../src/hsm/index.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { driver as soft } from "../../../../src/hsm/soft/driver.ts";
import { hsmDataPath } from "../../../conformance/hsm.ts";
import {
  aad,
  algorithm,
  domainKeyOf,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  useBench,
} from "../../../conformance/hsm-fixture.ts";
import { importClaims } from "../../../conformance/hsm-imports.ts";
import { nssTokens } from "../nss.ts";
import { softTokens } from "../tokens.ts";

const token = softTokens();
const locked: Driver<Pkcs11Config> = { ...driver, init: (config) => driver.init(config, "locked") };
const fixture: HsmFixture<Pkcs11Config> = { driver: locked, fresh: () => token(), stride: 16 };

hsmDataPath("SoftHSM2 with a locked domain key", fixture, (bench) => importClaims(fixture, bench));

describe("a locked domain key", () => {
  const bench = useBench(fixture);
  const released = ["record", "index"] as const;
  const kept = ["kms-symmetric", "audit", "import"] as const;

  it("says so to whoever opens the HSM", () => {
    expect(bench().hsm.info.domainKeyMode).toBe("locked");
    expect(bench().admin.info.domainKeyMode).toBe("locked");
  });

  it("lets no key go, and says why", async () => {
    const { hsm, admin } = bench();
    await admin.pinTransportKey(await admin.transportKey());
    const secret = await hsm.importKey(metaOf("sigv4"), utf8("AWS4secret"));
    for (const key of [secret, ...(await Promise.all(kept.map((kind) => hsm.generateKey(metaOf(kind)))))]) {
      expect(admin.keptReason(key)).toMatch(/locked/);
      await expect(admin.rewrap(key)).rejects.toThrow(/locked/);
      await expectHsmError("refused", admin.rewrap(key));
      await expectHsmError("refused", admin.exportTo(key, await admin.transportKey()));
    }
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    await expectHsmError("unsupported", hsm.replicate(key, "us-east-1"));
  });

  it("serves new keys after a rotation, while the one before serves its own", async () => {
    const { hsm, admin } = bench();
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    const ciphertext = await hsm.encrypt(key, algorithm, utf8("old"), aad);
    const stored = await Promise.all(released.map((kind) => hsm.generateKey(metaOf(kind))));
    const id = await admin.addDomainKey();
    await admin.activateDomainKey(id);
    await hsm.reload();
    const fresh = await hsm.generateKey(metaOf("kms-symmetric"));
    expect([domainKeyOf(fresh), domainKeyOf(key) === id]).toEqual([id, false]);
    expect(await hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("old"));
    for (const one of stored) {
      expect(admin.keptReason(one)).toBeUndefined();
      const rewrapped = await admin.rewrap(one);
      expect(domainKeyOf(rewrapped)).toBe(id);
      expect(await hsm.release(rewrapped)).toEqual(await hsm.release(one));
    }
    await expectHsmError("refused", hsm.release(key));
  });

  it("keeps key pairs as well, which sign and decrypt, and derive nothing", async () => {
    const { hsm, admin } = bench();
    const keyPairs = hsm.keyPairs as KeyPairs;
    const meta = { ...metaOf("kms-private"), spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" } as const;
    const { ekt, publicKey } = await keyPairs.generate(meta);
    const message = utf8("message");
    const signature = await keyPairs.sign(ekt, "ECDSA_SHA_256", message, "RAW");
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    expect(verify("sha256", message, key, signature)).toBe(true);
    await expectHsmError("refused", admin.rewrap(ekt));
    expect(hsm.refusal("ECC_NIST_P256", "KEY_AGREEMENT")).toMatch(/locked/);
  });

  it("takes keys that come from elsewhere, and keeps them", async () => {
    const [source, config] = [await token(), await token()];
    await driver.init(source);
    await driver.init(config, "locked");
    const [from, admin, target] = [
      await driver.openAdmin(source),
      await driver.openAdmin(config),
      await driver.open(source),
    ];
    await from.pinTransportKey(await admin.transportKey());
    const meta = metaOf("kms-symmetric");
    const key = await target.generateKey(meta);
    const imported = await admin.importFrom(meta, hbkIdOf(key), await from.exportTo(key, await admin.transportKey()));
    expect(hbkIdOf(imported)).toEqual(hbkIdOf(key));
    await expectHsmError("refused", admin.rewrap(imported));
    for (const each of [from, admin, target]) await each.close();
  });
});

describe("a domain key", () => {
  const nss = nssTokens();

  it("is not locked where the module lets keys go all the same, and then nothing is made", async () => {
    const config = await nss();
    await expect(driver.init(config, "locked")).rejects.toThrow(/locked .*keys unwrap readable/);
    await expectHsmError("unsupported", driver.init(config, "locked"));
    await expect(driver.open(config)).rejects.toThrow(/no domain key/);
  });

  it("is neither locked nor trusted in the software HSM", async () => {
    const directory = (await token()).folder;
    for (const mode of ["locked", "trusted"] as const) {
      await expect(soft.init({ driver: "soft", directory, keyFile: `${directory}/key` }, mode)).rejects.toThrow(mode);
    }
  });
});
