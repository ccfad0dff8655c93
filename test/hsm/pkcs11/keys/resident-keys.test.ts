import { describe, expect, it } from "vitest";
import { hex, utf8 } from "../../../../src/base/bytes.ts";
import type { Pkcs11Config, Pkcs11Wrapping } from "../../../../src/hsm/index.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { ektSuites, parseEkt } from "../../../../src/model/ekt.ts";
import { wrappingsOf } from "../../../../src/model/wrapping.ts";
import { hsmDataPath } from "../../../conformance/hsm.ts";
import {
  aad,
  algorithm,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  useBench,
} from "../../../conformance/hsm-fixture.ts";
import { nssTokens } from "../nss.ts";
import { softTokens } from "../tokens.ts";

const soft = softTokens();
const nss = nssTokens();
const fixture = (fresh: () => Promise<Pkcs11Config>, wrapping: Pkcs11Wrapping): HsmFixture<Pkcs11Config> => ({
  driver,
  fresh: async () => ({ ...(await fresh()), wrapping }),
  stride: 32,
});
const resident = fixture(soft, "resident");

hsmDataPath("SoftHSM2, whose keys stay in the token,", resident);

describe("a resident key", () => {
  const bench = useBench(resident);

  it("has no material from outside, as wrapping keys are wrapped themselves", async () => {
    const { imports } = bench().hsm;
    for (const spec of ["SYMMETRIC_DEFAULT", "HMAC_256"] as const) {
      for (const wrapping of wrappingsOf(spec))
        expect(imports?.refusal(spec, wrapping)).toMatch(/never kept as objects/);
    }
  });

  it("is an object of the token, which no key token brings back once it has been destroyed", async () => {
    const { hsm, admin, config } = bench();
    expect(hsm.info.wrapping).toBe("resident");
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    const { suite, wrapped, hbkId } = parseEkt(key);
    expect([suite, wrapped.length]).toEqual([ektSuites.resident, 0]);
    expect(await admin.residentKeys()).toContain(hex(hbkId));
    const other = await hsm.generateKey(metaOf("kms-symmetric"));
    await admin.destroyResidentKey(hex(hbkId));
    await admin.destroyResidentKey(hex(hbkId));
    expect(await admin.residentKeys()).not.toContain(hex(hbkId));
    const fresh = await driver.open(config);
    await expectHsmError("refused", fresh.encrypt(key, algorithm, aad, aad));
    expect(await fresh.encrypt(other, algorithm, aad, aad)).toBeInstanceOf(Uint8Array);
    await fresh.close();
  });

  it("stays where it is, and says so", async () => {
    const { hsm, admin } = bench();
    await admin.pinTransportKey(await admin.transportKey());
    for (const key of [await hsm.generateKey(metaOf("kms-symmetric")), await hsm.generateKey(metaOf("record"))]) {
      expect(admin.keptReason(key)).toMatch(/object of the token/);
      await expect(admin.rewrap(key)).rejects.toThrow(/object of the token/);
      await expectHsmError("refused", admin.exportTo(key, await admin.transportKey()));
    }
  });

  it("comes from another HSM, too, of every kind", async () => {
    const source = await soft();
    await driver.init(source);
    const [from, target] = [await driver.openAdmin(source), await driver.open(source)];
    const transport = await bench().admin.transportKey();
    await from.pinTransportKey(transport);
    for (const kind of ["kms-symmetric", "record", "sigv4"] as const) {
      const meta = metaOf(kind);
      const key = await (kind === "sigv4" ? target.importKey(meta, utf8("AWS4secret")) : target.generateKey(meta));
      const imported = await bench().admin.importFrom(meta, hbkIdOf(key), await from.exportTo(key, transport));
      expect(await bench().admin.residentKeys()).toContain(hex(hbkIdOf(imported)));
    }
    await from.close();
    await target.close();
  });

  it("opens beside keys that were wrapped before", async () => {
    const config = await soft();
    await driver.init(config);
    const before = await driver.open(config);
    const key = await before.generateKey(metaOf("kms-symmetric"));
    const ciphertext = await before.encrypt(key, algorithm, utf8("x"), aad);
    await before.close();
    const after = await driver.open({ ...config, wrapping: "resident" });
    expect(await after.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("x"));
    expect(parseEkt(await after.generateKey(metaOf("kms-symmetric"))).suite).toBe(ektSuites.resident);
    await after.close();
  });
});

describe("a wrapping", () => {
  it("is the one that is asked for, and keys under the others still open", async () => {
    const config = await nss();
    await driver.init(config);
    const [kwp, cbc] = [await driver.open(config), await driver.open({ ...config, wrapping: "cbc-pad" })];
    expect([kwp.info.wrapping, cbc.info.wrapping]).toEqual(["kwp", "cbc-pad"]);
    const [one, other] = [
      await kwp.generateKey(metaOf("kms-symmetric")),
      await cbc.generateKey(metaOf("kms-symmetric")),
    ];
    expect([parseEkt(one).suite, parseEkt(other).suite]).toEqual([ektSuites.kwp, ektSuites.cbcPad]);
    for (const key of [one, other]) {
      const ciphertext = await kwp.encrypt(key, algorithm, utf8("x"), aad);
      expect(await cbc.decrypt(key, algorithm, ciphertext, aad)).toEqual(utf8("x"));
    }
    await kwp.close();
    await cbc.close();
  });

  it("is refused where the token lacks it", async () => {
    const config = { ...(await soft()), wrapping: "cbc-pad" } as const;
    await expect(driver.init(config)).rejects.toThrow(/cbc-pad/);
    await expectHsmError("unsupported", driver.init(config));
  });
});
