import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, hex, utf8 } from "../../src/base/bytes.ts";
import { Asymmetric } from "../../src/engine/asymmetric/asymmetric.ts";
import type { Hsm, ImportedKey } from "../../src/hsm/hsm.ts";
import type { Ekt, HsmConfig, KeyPairs, TransportKey } from "../../src/hsm/index.ts";
import { algorithmsOf } from "../../src/model/algorithms.ts";
import type { HbkMeta } from "../../src/model/hbk.ts";
import type { SigningAlgorithm, SymmetricSpec } from "../../src/model/key-spec.ts";
import { wrappingsOf } from "../../src/model/wrapping.ts";
import { wrapped } from "../operations/wrapping-client.ts";
import { rsaKeys } from "../rsa-keys.ts";
import {
  aad,
  algorithm,
  type Bench,
  closeBench,
  edited,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
} from "./hsm-fixture.ts";

const outside = new Asymmetric(null);
const rsa = (spec: keyof typeof rsaKeys) => transportKeyOf(createPublicKey(rsaKeys[spec]));
const ec = transportKeyOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey);
const [one, two, short] = [rsa("RSA_3072"), rsa("RSA_4096"), rsa("RSA_2048")];

function transportKeyOf(key: KeyObject): TransportKey {
  const spki: Bytes = new Uint8Array(key.export({ type: "spki", format: "der" }));
  return { spki, fingerprint: createHash("sha256").update(spki).digest("hex"), oaepHash: "sha256" };
}

export function transportClaims<Config extends HsmConfig>(
  fixture: HsmFixture<Config>,
  bench: () => Bench<Config>,
): void {
  describe("transport", () => {
    it("has one key, of at least 3,072 bits, the same for whoever opens the HSM", async () => {
      const key = await bench().admin.transportKey();
      expect(key.fingerprint).toBe(createHash("sha256").update(key.spki).digest("hex"));
      expect(await bench().admin.transportKey()).toEqual(key);
      const other = await fixture.driver.openAdmin(bench().config);
      expect(await other.transportKey()).toEqual(key);
      await other.close();
    });

    it("goes to no key that has not been pinned", async () => {
      const key = await bench().hsm.generateKey(metaOf("kms-symmetric"));
      const { oaepHash } = await bench().admin.transportKey();
      const [pinned, other] = [
        { ...one, oaepHash },
        { ...two, oaepHash },
      ];
      await bench().admin.pinTransportKey(pinned);
      await expectHsmError("refused", bench().admin.exportTo(key, other));
      await expectHsmError("refused", bench().admin.exportTo(key, { ...other, fingerprint: pinned.fingerprint }));
      expect(await bench().admin.exportTo(key, pinned)).toBeInstanceOf(Uint8Array);
    });

    it("goes to a key no more that has been unpinned", async () => {
      const { admin, hsm } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      const { oaepHash } = await admin.transportKey();
      const pinned = { ...two, oaepHash };
      await admin.pinTransportKey(pinned);
      expect(await admin.pinnedTransportKeys()).toContain(two.fingerprint);
      expect(await admin.unpinTransportKey(two.fingerprint)).toBe(true);
      expect(await admin.unpinTransportKey(two.fingerprint)).toBe(false);
      expect(await admin.pinnedTransportKeys()).not.toContain(two.fingerprint);
      await expectHsmError("refused", admin.exportTo(key, pinned));
    });

    it("pins no short key, no other kind of key, and none under another's fingerprint", async () => {
      const { admin } = bench();
      for (const bad of [short, ec, { ...two, fingerprint: ec.fingerprint }, { ...two, spki: two.spki.subarray(1) }]) {
        await expectHsmError("refused", admin.pinTransportKey(bad));
      }
      await expectHsmError("refused", admin.exportTo(await bench().hsm.generateKey(metaOf("record")), two));
    });

    it("wraps the material under a fresh key each time", async () => {
      const key = await bench().hsm.generateKey(metaOf("kms-symmetric"));
      const target = await bench().admin.transportKey();
      await bench().admin.pinTransportKey(target);
      const exports = [await bench().admin.exportTo(key, target), await bench().admin.exportTo(key, target)];
      expect(new Set(exports.map(hex)).size).toBe(2);
      expect(new Set(exports.map(({ length }) => length)).size).toBe(1);
    });

    it("is refused where the material, the name or the metadata is not what was exported", async () => {
      const { admin, hsm } = bench();
      const target = await admin.transportKey();
      await admin.pinTransportKey(target);
      const meta = metaOf("kms-symmetric");
      const [key, other] = [await hsm.generateKey(meta), await hsm.generateKey(meta)];
      const exported = await admin.exportTo(key, target);
      const hbkId = hbkIdOf(key);
      for (let i = 0; i < exported.length; i += 16 * fixture.stride) {
        await expectHsmError("refused", admin.importFrom(meta, hbkId, edited(exported, i)), `octet ${i}`);
      }
      for (const cut of [0, 100, exported.length - 8, exported.length - 1]) {
        await expectHsmError("refused", admin.importFrom(meta, hbkId, exported.subarray(0, cut)), `${cut} octets`);
      }
      await expectHsmError("refused", admin.importFrom(meta, hbkIdOf(other), exported));
      await expectHsmError("refused", admin.importFrom(metaOf("kms-symmetric"), hbkId, exported));
      expect(hbkIdOf(await admin.importFrom(meta, hbkId, exported))).toEqual(hbkId);
    });
  });
}

export function migrationClaims<Source extends HsmConfig, Target extends HsmConfig>(
  from: HsmFixture<Source>,
  to: HsmFixture<Target>,
): void {
  let source: Bench<Source>;
  let target: Bench<Target>;
  beforeAll(async () => {
    source = await openBench(from);
    target = await openBench(to);
    await source.admin.pinTransportKey(await target.admin.transportKey());
  });
  afterAll(async () => {
    await closeBench(source);
    await closeBench(target);
  });

  async function moved(key: Ekt, meta: HbkMeta): Promise<Ekt> {
    const exported = await source.admin.exportTo(key, await target.admin.transportKey());
    const token = await target.admin.importFrom(meta, hbkIdOf(key), exported);
    expect(hbkIdOf(token)).toEqual(hbkIdOf(key));
    return token;
  }

  it.each<SymmetricSpec>(["SYMMETRIC_DEFAULT", "SM4"])(
    "ciphertexts of %s keys of the one open in the other, and the other way round",
    async (spec) => {
      const meta = { ...metaOf("kms-symmetric"), spec };
      await opensThereAndBack(await source.hsm.generateKey(meta), meta);
    },
  );

  it("ciphertexts of imported SM4 keys do, too, or a token that takes no keys of 16 bytes from outside says so", async () => {
    const meta: HbkMeta = { ...metaOf("kms-symmetric"), spec: "SM4", origin: "EXTERNAL" };
    const [way] = waysIn(source.hsm);
    const { imports } = source.hsm;
    if (!imports || !way) return;
    const own = { ...meta, kind: "import", spec: way.keySpec, usage: "INTERNAL", origin: "AWS_KMS" } as const;
    const { ekt, publicKey } = await imports.wrappingKey(own);
    const material = new Uint8Array(16).fill(7);
    const imported = await imports.unwrap(meta, ekt, way.algorithm, wrapped(publicKey, way.algorithm, material));
    const { ekt: key } = imported as ImportedKey;
    // The software HSM keeps the 16 bytes as HMAC pads them.
    if (source.hsm.info.driver === "soft" || waysIn(target.hsm).length > 0) return opensThereAndBack(key, meta);
    await expect(moved(key, meta)).rejects.toThrow("the token computes no HMAC with a key as short as this one");
    await expectHsmError("unsupported", moved(key, meta));
  });

  const waysIn = ({ imports }: Hsm) =>
    wrappingsOf("SM4").filter((wrapping) => imports && imports.refusal("SM4", wrapping) === undefined);

  async function opensThereAndBack(key: Ekt, meta: HbkMeta): Promise<void> {
    const old = await source.hsm.encrypt(key, algorithm, utf8("old"), aad);
    const token = await moved(key, meta);
    expect(await target.hsm.decrypt(token, algorithm, old, aad)).toEqual(utf8("old"));
    const fresh = await target.hsm.encrypt(token, algorithm, utf8("fresh"), aad);
    expect(await source.hsm.decrypt(key, algorithm, fresh, aad)).toEqual(utf8("fresh"));
  }

  it.each(["record", "index"] as const)("%s keys release the same material", async (kind) => {
    const meta = metaOf(kind);
    const key = await source.hsm.generateKey(meta);
    expect(await target.hsm.release(await moved(key, meta))).toEqual(await source.hsm.release(key));
  });

  it.each([5, 44, 64, 65, 200])("SigV4 secrets of %i bytes compute the same", async (length) => {
    const meta = metaOf("sigv4");
    const key = await source.hsm.importKey(meta, new Uint8Array(length).fill(0x41));
    const token = await moved(key, meta);
    expect(await target.hsm.mac(token, utf8("20260101"))).toEqual(await source.hsm.mac(key, utf8("20260101")));
  });

  it.each(["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"] as const)("%s keys compute the same", async (spec) => {
    const usage = "GENERATE_VERIFY_MAC";
    if ([source, target].some(({ hsm }) => hsm.refusal(spec, usage) !== undefined)) return;
    const meta = { ...metaOf("kms-hmac"), spec, usage } as const;
    const key = await source.hsm.generateKey(meta);
    const token = await moved(key, meta);
    for (const message of [utf8("m"), new Uint8Array(4096)]) {
      expect(await target.hsm.mac(token, message)).toEqual(await source.hsm.mac(key, message));
    }
  });

  it.each([
    ["RSA_2048", "SIGN_VERIFY"],
    ["RSA_2048", "ENCRYPT_DECRYPT"],
    ["ECC_NIST_P256", "SIGN_VERIFY"],
    ["ECC_NIST_P384", "KEY_AGREEMENT"],
    ["ECC_NIST_P521", "SIGN_VERIFY"],
    ["ECC_SECG_P256K1", "SIGN_VERIFY"],
  ] as const)("private keys of spec %s for %s do in the one what they do in the other", async (spec, usage) => {
    if ([source, target].some(({ hsm }) => hsm.refusal(spec, usage) !== undefined)) return;
    const meta = { ...metaOf("kms-private"), spec, usage };
    const [from, to] = [source.hsm.keyPairs as KeyPairs, target.hsm.keyPairs as KeyPairs];
    const { ekt, publicKey } = await from.generate(meta);
    const transportKeys = await Promise.all([source, target].map(({ admin }) => admin.transportKey()));
    if (transportKeys.some(({ direct }) => direct)) {
      return expect(moved(ekt, meta)).rejects.toThrow(/private key is too long/);
    }
    const key = await moved(ekt, meta);
    const other = { spec: spec === "ECC_NIST_P256" ? "ECC_NIST_P384" : "ECC_NIST_P256", usage: "SIGN_VERIFY" } as const;
    const stranger = await from.generate({ ...meta, ...other });
    await expectHsmError("refused", moved(stranger.ekt, meta));
    switch (usage) {
      case "SIGN_VERIFY": {
        const [by] = algorithmsOf(spec, usage) as readonly SigningAlgorithm[];
        const signature = await to.sign(key, by as SigningAlgorithm, aad, "RAW");
        return expect(await outside.verify(by as SigningAlgorithm, publicKey, aad, "RAW", signature)).toBe(true);
      }
      case "ENCRYPT_DECRYPT": {
        const ciphertext = outside.encrypt("RSAES_OAEP_SHA_256", publicKey, aad);
        return expect(await to.decrypt(key, "RSAES_OAEP_SHA_256", ciphertext)).toEqual(aad);
      }
      case "KEY_AGREEMENT": {
        const peer = await from.generate({ ...metaOf("kms-private"), spec, usage });
        expect(await to.deriveSharedSecret(key, peer.publicKey)).toEqual(
          await from.deriveSharedSecret(peer.ekt, publicKey),
        );
      }
    }
  });

  it("audit and import keys keep their names", async () => {
    for (const kind of ["audit", "import"] as const) {
      const meta = metaOf(kind);
      await moved(await source.hsm.generateKey(meta), meta);
    }
  });
}
