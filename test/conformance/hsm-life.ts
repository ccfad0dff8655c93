import { describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/errors.ts";
import type { HsmConfig } from "../../src/hsm/index.ts";
import {
  aad,
  algorithm,
  type Bench,
  closeBench,
  expectHsmError,
  type HsmFixture,
  metaOf,
  openBench,
} from "./hsm-fixture.ts";

export function lifeClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  it("is initialised once", async () => {
    await expect(fixture.driver.init(bench().config)).rejects.toThrow(ConfigError);
    expect(await bench().hsm.health()).toMatchObject({ ok: true });
  });

  it("says what it is, by either interface", () => {
    expect(bench().hsm.info.driver).toBe(bench().config.driver);
    expect(bench().admin.info).toEqual(bench().hsm.info);
  });

  it("does nothing more when it is closed", async () => {
    const closed = await openBench(fixture);
    const key = await closed.hsm.generateKey(metaOf("kms-symmetric"));
    await closeBench(closed);
    await closeBench(closed);
    const { hsm, admin } = closed;
    await expectHsmError("unavailable", hsm.encrypt(key, algorithm, aad, aad));
    await expectHsmError("unavailable", hsm.decrypt(key, algorithm, aad, aad));
    await expectHsmError("unavailable", hsm.generateDataKey(key, 32, aad, "both"));
    await expectHsmError("unavailable", hsm.generateKey(metaOf("record")));
    await expectHsmError("unavailable", hsm.random(1));
    await expectHsmError("unavailable", hsm.readAnchor());
    await expectHsmError("unavailable", hsm.writeAnchor(aad));
    await expectHsmError("unavailable", hsm.reload());
    await expectHsmError("unavailable", admin.domainKeys());
    await expectHsmError("unavailable", admin.addDomainKey());
    await expectHsmError("unavailable", admin.rewrap(key));
    expect(await hsm.health()).toMatchObject({ ok: false });
  });

  it("is opened several times at once", async () => {
    const { config, hsm } = bench();
    const other = await fixture.driver.open(config);
    const key = await hsm.generateKey(metaOf("kms-symmetric"));
    const ciphertexts = await Promise.all(
      Array.from({ length: 32 }, (_, i) => (i % 2 ? hsm : other).encrypt(key, algorithm, Uint8Array.of(i), aad)),
    );
    const opened = await Promise.all(ciphertexts.map((ciphertext) => other.decrypt(key, algorithm, ciphertext, aad)));
    expect(opened).toEqual(ciphertexts.map((_, i) => Uint8Array.of(i)));
    await other.close();
    expect(await hsm.decrypt(key, algorithm, ciphertexts[0] as Bytes, aad)).toEqual(Uint8Array.of(0));
  });
}

export function anchorClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  describe("the anchor", () => {
    it("is absent at first, and then what was written last, for whoever opens the HSM", async () => {
      const { hsm, config } = bench();
      expect(await hsm.readAnchor()).toBeUndefined();
      const running = await fixture.driver.open(config);
      for (const anchor of [new Uint8Array(1024).fill(7), utf8("short"), new Uint8Array(0)]) {
        await hsm.writeAnchor(anchor);
        expect(await hsm.readAnchor()).toEqual(anchor);
        expect(await running.readAnchor()).toEqual(anchor);
        const reopened = await fixture.driver.open(config);
        expect(await reopened.readAnchor()).toEqual(anchor);
        await reopened.close();
      }
      await running.close();
    });

    it("has at most 1,024 bytes", async () => {
      const before = await bench().hsm.readAnchor();
      await expect(bench().hsm.writeAnchor(new Uint8Array(1025))).rejects.toThrow();
      expect(await bench().hsm.readAnchor()).toEqual(before);
    });
  });
}
