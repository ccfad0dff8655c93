import { generateKeyPairSync } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HsmAdmin, trustHsm } from "../../../../src/hsm/index.ts";
import { Cryptoki } from "../../../../src/hsm/pkcs11/cryptoki/cryptoki.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { fingerprintOf, publicAttributes } from "../../../../src/hsm/pkcs11/keys/transport-key.ts";
import { probe } from "../../../../src/hsm/pkcs11/probe.ts";
import { softHsm2 } from "../../../../src/hsm/pkcs11/provision.ts";
import { hsmMigration } from "../../../conformance/hsm.ts";
import { domainKeyClaims } from "../../../conformance/hsm-domain-keys.ts";
import { expectHsmError, type HsmFixture, metaOf } from "../../../conformance/hsm-fixture.ts";
import { nssTokens } from "../nss.ts";
import { soPinOf, trustedDriver } from "../officer.ts";
import { type SoftToken, softTokens, withOfficer } from "../tokens.ts";

const bare = softTokens();
const token = async (): Promise<SoftToken> => withOfficer(await bare());
const fixture: HsmFixture<SoftToken> = { driver: trustedDriver(), fresh: token, stride: 64 };
const both: HsmFixture<SoftToken> = { driver: trustedDriver(true), fresh: bare, stride: 64 };

describe("an HSM with a trusted domain key: its", () => domainKeyClaims(fixture));
hsmMigration("from SoftHSM2 itself, with public keys, to the same", both, both);

describe("the ceremony of a trusted domain key", () => {
  it("makes it: before, the token is not served, and not made anew", async () => {
    const config = await token();
    await driver.init(config, "trusted");
    await expect(driver.open(config)).rejects.toThrow(/waits for its security officer/);
    await expect(driver.init(config)).rejects.toThrow(/waits for its security officer/);
    const { domainKey, trusted } = await trustHsm(config, { soPin: soPinOf(config) });
    expect(trusted).toEqual(
      ["domain key", "private-key domain key"].map((what) => `"strongroom ${what}" ${domainKey}`),
    );
    await using hsm = await driver.open(config);
    expect(hsm.info.domainKeyMode).toBe("trusted");
    expect(await trustHsm(config, {})).toEqual({ trusted: [] });
  });

  it("says what waits where the officer has tools of his own, and takes it up when he has used them", async () => {
    const config = await token();
    await driver.init(config, "trusted");
    const waits = await trustHsm(config, {}).catch((error: Error) => error.message);
    const [id = ""] = /(?<="strongroom domain key" )[0-9a-f]{32}/.exec(`${waits}`) ?? [];
    expect(id).not.toBe("");
    await trustHsm(config, { newDomainKey: true }).catch(() => undefined);
    const { domainKey } = await trustHsm(config, { soPin: soPinOf(config) });
    expect(domainKey).toBe(id);
  });

  it("tries a wrong PIN of the officer once", async () => {
    const config = { ...(await token()), stateDirectory: (await bare()).folder };
    await driver.init(config, "trusted");
    const wrong = join(config.folder, "wrong");
    writeFileSync(wrong, "wrong", { mode: 0o600 });
    const soPin = `file:${wrong}`;
    await expect(trustHsm(config, { soPin })).rejects.toThrow(/refuses the security officer's PIN/);
    await expect(trustHsm(config, { soPin })).rejects.toThrow(/not tried again/);
    writeFileSync(wrong, readFileSync(join(config.folder, "so-pin")));
    expect((await trustHsm(config, { soPin })).trusted).toHaveLength(2);
  });

  it("is not held on what another has put in the place of a key meanwhile", async () => {
    const config = await token();
    await driver.init(config, "trusted");
    writeFileSync(join(config.folder, "exchange"), "");
    await expectHsmError("refused", trustHsm(config, { soPin: soPinOf(config) }));
    await expect(driver.open(config)).rejects.toThrow(/waits for its security officer/);
  });

  it("tells why SoftHSM2's officer trusts no private key, and has him make public ones where that is asked for", async () => {
    const config = await bare();
    await driver.init(config, "trusted");
    const soPin = soPinOf(config);
    await expect(trustHsm(config, { soPin })).rejects.toThrow(/sees none of the user's private objects/);
    await expect(driver.open(config)).rejects.toThrow(/waits for its security officer/);
    expect((await trustHsm(config, { soPin, publicKeys: true })).trusted).toHaveLength(2);
    await (await driver.open(config)).close();
  });

  it("is for no other HSM", async () => {
    const config = await bare();
    await driver.init(config);
    await expect(trustHsm(config, { soPin: soPinOf(config) })).rejects.toThrow(/is plain/);
    await expect(trustHsm({ driver: "soft", directory: config.folder, keyFile: "/key" }, {})).rejects.toThrow(
      /no security officer/,
    );
  });

  const nss = nssTokens();
  it("does not come about where the module lets keys leave all the same", async () => {
    const config = await nss();
    await expect(driver.init(config, "trusted")).rejects.toThrow(/a trusted domain key needs CKA_UNWRAP_TEMPLATE/);
    await expectHsmError("unsupported", driver.init(config, "trusted"));
    expect((await probe(config)).domainKeyModes).toEqual(["plain"]);
  });
});

describe("a trusted domain key", () => {
  let config: SoftToken;
  let admin: HsmAdmin;
  beforeAll(async () => {
    config = await token();
    await fixture.driver.init(config);
    admin = await driver.openAdmin(config);
  });
  afterAll(() => admin.close());

  it.each([
    ["hole-any-key-wraps", /keys in use leave under a key that the user makes/],
    ["hole-guard-comes-off", /keys in use can be made to leave/],
    ["hole-user-trusts", /the user trusts a key/],
  ] as const)("is not served by a module with %s", async (hole, reason) => {
    const file = join(config.folder, hole);
    writeFileSync(file, "");
    try {
      await expect(driver.open(config)).rejects.toThrow(reason);
      expect((await probe(config)).lacks.find((lack) => lack.startsWith("trusted"))).toMatch(reason);
    } finally {
      rmSync(file);
    }
    await (await driver.open(config)).close();
  });

  it("lets no key leave for a transport key that was pinned and not trusted, nor for the HSM's own", async () => {
    await using hsm = await driver.open(config);
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    const own = await admin.transportKey();
    await admin.pinTransportKey(own);
    await expect(admin.exportTo(key, own)).rejects.toThrow(/has not trusted the transport key/);
    await expect(trustHsm(config, { soPin: soPinOf(config), transportKey: own })).rejects.toThrow(/HSM's own/);
  });

  it("trusts a transport key no more that is unpinned", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    const transportKey = { spki, fingerprint: fingerprintOf(spki), oaepHash: "sha1" } as const;
    expect((await trustHsm(config, { soPin: soPinOf(config), transportKey })).trusted).toHaveLength(2);
    await using hsm = await driver.open(config);
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    expect(await admin.exportTo(key, transportKey)).toBeInstanceOf(Uint8Array);
    expect(await admin.unpinTransportKey(transportKey.fingerprint)).toBe(true);
    await admin.pinTransportKey(transportKey);
    await expect(admin.exportTo(key, transportKey)).rejects.toThrow(/has not trusted/);
  });

  it("is not served beside a trusted key that is none of this domain's", async () => {
    const other = await bare();
    await both.driver.init(other);
    process.env["SOFTHSM2_CONF"] = other.environment?.["SOFTHSM2_CONF"];
    const [pin, soPin] = ["pin", "so-pin"].map((name) => readFileSync(join(other.folder, name))) as [Buffer, Buffer];
    const cryptoki = Cryptoki.open(softHsm2(), { label: "kms" }, pin);
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    cryptoki.asOfficer(soPin, pin, () =>
      cryptoki.create({ ...publicAttributes(publicKey), token: true, label: "a stranger", id: pin, trusted: true }),
    );
    cryptoki.close();
    await expect(driver.open(other)).rejects.toThrow(/trusts a wrapping key besides, "a stranger"/);
  });

  it("gets no new version without the officer", async () => {
    await expectHsmError("unsupported", admin.addDomainKey());
  });
});
