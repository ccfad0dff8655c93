import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Bytes, hex, utf8 } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/errors.ts";
import type { HsmConfig } from "../../src/hsm/index.ts";
import { parseHeader } from "../../src/model/ciphertext.ts";
import {
  aad,
  algorithm,
  closeBench,
  edited,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
  useBench,
} from "./hsm-fixture.ts";

export function lifeClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  const bench = useBench(fixture);

  it("is initialised once", async () => {
    await expect(fixture.driver.init(bench().config)).rejects.toThrow(ConfigError);
    expect(await bench().hsm.health()).toMatchObject({ ok: true });
  });

  it("says what it is, by either interface", () => {
    expect(bench().hsm.info.driver).toBe(bench().config.driver);
    expect(bench().admin.info).toEqual(bench().hsm.info);
  });

  it("gives random octets of every length from 1 to 1,024", async () => {
    for (const length of [1, 16, 32, 33, 1024]) expect(await bench().hsm.random(length)).toHaveLength(length);
    const drawn = await Promise.all(Array.from({ length: 100 }, () => bench().hsm.random(16)));
    expect(new Set(drawn.map(hex)).size).toBe(100);
    for (const length of [0, 1025, -1, 1.5]) await expect(bench().hsm.random(length), `${length}`).rejects.toThrow();
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

export function encryptionClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("encrypt and decrypt", () => {
    const bench = useBench(fixture);
    const newKey = () => bench().hsm.generateKey(metaOf("kms-symmetric"));

    it.each([0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 4095, 4096])(
      "serve plaintexts of %i bytes",
      async (length) => {
        const key = await newKey();
        const plaintext = new Uint8Array(length).map((_, i) => i * 7);
        const ciphertext = await bench().hsm.encrypt(key, algorithm, plaintext, aad);
        expect(ciphertext).toHaveLength(62 + length + 16);
        expect(parseHeader(ciphertext)?.hbkId).toEqual(hbkIdOf(key));
        expect(await bench().hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(plaintext);
      },
    );

    it("serve aad of any length to beyond the longest encryption context", async () => {
      const key = await newKey();
      for (const length of [0, 1, 62, 8192, 16_384]) {
        const ciphertext = await bench().hsm.encrypt(key, algorithm, aad, new Uint8Array(length));
        expect(await bench().hsm.decrypt(key, algorithm, ciphertext, new Uint8Array(length))).toEqual(aad);
        expect(
          await bench().hsm.decrypt(key, algorithm, ciphertext, new Uint8Array(length + 1).slice(1).fill(9, 0, 1)),
        ).toEqual(length ? null : aad);
      }
    });

    it("refuse more than 4,096 bytes", async () => {
      await expect(bench().hsm.encrypt(await newKey(), algorithm, new Uint8Array(4097), aad)).rejects.toThrow();
    });

    it("never make the same ciphertext twice", async () => {
      const key = await newKey();
      const headers = new Set<string>();
      for (let i = 0; i < 50; i++)
        headers.add(hex((await bench().hsm.encrypt(key, algorithm, aad, aad)).subarray(34, 62)));
      expect(headers.size).toBe(50);
    });

    it("answer null to a ciphertext that is edited, cut, lengthened or empty", async () => {
      const key = await newKey();
      const ciphertext = await bench().hsm.encrypt(key, algorithm, utf8("seventeen octets."), aad);
      const open = (bytes: Bytes) => bench().hsm.decrypt(key, algorithm, bytes, aad);
      for (let bit = 0; bit < ciphertext.length * 8; bit += fixture.stride) {
        expect(await open(edited(ciphertext, bit >> 3, 1 << (bit & 7))), `bit ${bit}`).toBeNull();
      }
      for (let length = 0; length < ciphertext.length; length += fixture.stride) {
        expect(await open(ciphertext.subarray(0, length)), `${length} octets`).toBeNull();
      }
      expect(await open(new Uint8Array([...ciphertext, 0]))).toBeNull();
      expect(await open(new Uint8Array(6144))).toBeNull();
      expect(await open(ciphertext)).toEqual(utf8("seventeen octets."));
    });

    it("answer null to another key's ciphertext and to other aad", async () => {
      const [key, other] = [await newKey(), await newKey()];
      const ciphertext = await bench().hsm.encrypt(key, algorithm, utf8("secret"), aad);
      expect(await bench().hsm.decrypt(other, algorithm, ciphertext, aad)).toBeNull();
      const claimed = ciphertext.slice();
      claimed.set(hbkIdOf(other), 2);
      expect(await bench().hsm.decrypt(other, algorithm, claimed, aad)).toBeNull();
      for (const wrong of [utf8(""), aad.subarray(1), new Uint8Array([...aad, 0]), edited(aad, 3)]) {
        expect(await bench().hsm.decrypt(key, algorithm, ciphertext, wrong)).toBeNull();
      }
    });

    it("serve SYMMETRIC_DEFAULT alone", async () => {
      const key = await newKey();
      await expectHsmError("unsupported", bench().hsm.encrypt(key, "RSAES_OAEP_SHA_256", aad, aad));
      await expectHsmError("unsupported", bench().hsm.decrypt(key, "SM2PKE", aad, aad));
    });
  });
}

export function dataKeyClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("data keys, re-encryption and MACs", () => {
    const bench = useBench(fixture);
    const newKey = () => bench().hsm.generateKey(metaOf("kms-symmetric"));

    it.each([1, 16, 32, 64, 1024])("give data keys of %i bytes whose ciphertext opens to them", async (length) => {
      const key = await newKey();
      const { plaintext, ciphertext } = await bench().hsm.generateDataKey(key, length, aad, "both");
      expect(plaintext).toHaveLength(length);
      expect(await bench().hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(plaintext);
    });

    it("keep the plaintext of a data key to themselves when only the ciphertext is wanted", async () => {
      const key = await newKey();
      const made = await bench().hsm.generateDataKey(key, 32, aad, "ciphertext");
      expect(Object.keys(made)).toEqual(["ciphertext"]);
      expect(await bench().hsm.decrypt(key, algorithm, made.ciphertext, aad)).toHaveLength(32);
    });

    it("refuse data keys of no bytes and of more than 1,024", async () => {
      const key = await newKey();
      for (const length of [0, 1025])
        await expect(bench().hsm.generateDataKey(key, length, aad, "both")).rejects.toThrow();
    });

    it("re-encrypt under another key and other aad", async () => {
      const [from, to] = [await newKey(), await newKey()];
      const source = {
        key: from,
        algorithm,
        aad,
        ciphertext: await bench().hsm.encrypt(from, algorithm, utf8("x"), aad),
      } as const;
      const moved = await bench().hsm.reEncrypt(source, { key: to, algorithm, aad: utf8("other") });
      expect(moved && (await bench().hsm.decrypt(to, algorithm, moved, utf8("other")))).toEqual(utf8("x"));
      expect(await bench().hsm.reEncrypt({ ...source, aad: utf8("wrong") }, { key: to, algorithm, aad })).toBeNull();
    });

    it.each([1, 44, 63, 64, 65, 200])("compute HMAC-SHA-256 with SigV4 secrets of %i bytes", async (length) => {
      const secret = new Uint8Array(length).fill(0x5a);
      const key = await bench().hsm.importKey(metaOf("sigv4"), secret);
      for (const message of [utf8(""), utf8("20260101"), new Uint8Array(4096)]) {
        expect(hex(await bench().hsm.mac(key, message))).toBe(
          createHmac("sha256", secret).update(message).digest("hex"),
        );
      }
    });

    it("compute no MAC that is a key derivation", async () => {
      const key = await bench().hsm.importKey(metaOf("sigv4"), utf8("AWS4secret"));
      await expectHsmError("refused", bench().hsm.mac(key, utf8("\0\0\0\u0001SR1-encrypt")));
      await expectHsmError("refused", bench().hsm.mac(key, utf8("\0\0\0\u0001SR1-")));
      expect(await bench().hsm.mac(key, utf8("\0\0\0\u0001SR1"))).toHaveLength(32);
    });
  });
}

export function anchorClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("the anchor", () => {
    const bench = useBench(fixture);

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
