import {
  constants,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  verify,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Bytes, concat, utf8 } from "../../src/base/bytes.ts";
import type { ImportedKey, KeyPairs, NewKeyPair } from "../../src/hsm/hsm.ts";
import type { Ekt, HsmConfig, Imports } from "../../src/hsm/index.ts";
import { algorithmsOf } from "../../src/model/algorithms.ts";
import { suites } from "../../src/model/ciphertext.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { HbkMeta } from "../../src/model/hbk.ts";
import { kbkdfFixedInput, noNonce } from "../../src/model/kbkdf.ts";
import type { KeySpec, KeyUsage, SigningAlgorithm, WrappingAlgorithm } from "../../src/model/key-spec.ts";
import { wrappingsOf } from "../../src/model/wrapping.ts";
import { wrapped } from "../operations/wrapping-client.ts";
import { rsaKeys } from "../rsa-keys.ts";
import { aad, algorithm, type Bench, edited, expectHsmError, type HsmFixture, hbkIdOf, metaOf } from "./hsm-fixture.ts";

const secret = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const text = utf8("text");

/** Claims about material from outside; an HSM without `imports` takes none. */
export function importClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  describe("imports", () => {
    const external = (): HbkMeta => ({ ...metaOf("kms-symmetric"), origin: "EXTERNAL" });
    const wrappingMeta = (key: HbkMeta, spec: KeySpec): HbkMeta => ({
      ...key,
      kind: "import",
      spec,
      usage: "INTERNAL",
      origin: "AWS_KMS",
    });

    /** Every wrapping of symmetric material that the HSM has. */
    const wrappings = (imports: Imports) =>
      wrappingsOf("SYMMETRIC_DEFAULT").filter(
        (wrapping) => imports.refusal("SYMMETRIC_DEFAULT", wrapping) === undefined,
      );

    it("give a key that encrypts with the material, under every wrapping", async () => {
      const { hsm } = bench();
      if (!hsm.imports) return;
      const tried = wrappings(hsm.imports);
      expect(tried.length).toBeGreaterThan(0);
      const meta = external();
      const names = new Set<string>();
      const keys = new Map<string, NewKeyPair>();
      for (const { algorithm: wrapping, keySpec } of tried) {
        const { ekt, publicKey } = keys.get(keySpec) ?? (await hsm.imports.wrappingKey(wrappingMeta(meta, keySpec)));
        keys.set(keySpec, { ekt, publicKey });
        expect(parseEkt(ekt).meta).toEqual(wrappingMeta(meta, keySpec));
        const imported = await hsm.imports.unwrap(meta, ekt, wrapping, wrapped(publicKey, wrapping, secret));
        const token = tokenOf(imported);
        expect(parseEkt(token).meta).toEqual(meta);
        names.add(hbkIdOf(token).toHex());
        const ciphertext = await hsm.encrypt(token, algorithm, text, aad);
        expect(await hsm.decrypt(token, algorithm, ciphertext, aad)).toEqual(text);
      }
      expect(names.size).toBe(1);
    }, 60_000);

    it("take nothing that was tampered with, of another length, or for another key", async () => {
      const { hsm } = bench();
      if (!hsm.imports) return;
      const [wrapping] = wrappings(hsm.imports);
      const name = wrapping?.algorithm as WrappingAlgorithm;
      const [meta, other] = [external(), external()];
      const { ekt, publicKey } = await hsm.imports.wrappingKey(wrappingMeta(meta, wrapping?.keySpec as KeySpec));
      const sealed = wrapped(publicKey, name, secret);
      for (let i = 0; i < sealed.length; i += 16 * fixture.stride) {
        expect(await hsm.imports.unwrap(meta, ekt, name, edited(sealed, i))).toBeNull();
      }
      for (const length of [0, 1, sealed.length - 1]) {
        expect(await hsm.imports.unwrap(meta, ekt, name, sealed.subarray(0, length))).toBeNull();
      }
      for (const length of [16, 31, 33, 64]) {
        const short = wrapped(publicKey, name, new Uint8Array(length));
        expect(await hsm.imports.unwrap(meta, ekt, name, short), `${length}`).toBe("unfit");
      }
      await expectHsmError("refused", hsm.imports.unwrap(other, ekt, name, sealed));
      await expectHsmError("refused", hsm.imports.unwrap({ ...meta, region: "eu-west-1" }, ekt, name, sealed));
      await expectHsmError("refused", hsm.imports.unwrap(meta, edited(ekt, ekt.length - 1), name, sealed));
      const symmetric = await hsm.generateKey(meta);
      await expectHsmError("refused", hsm.imports.unwrap(meta, symmetric, name, sealed));
    });

    /** Under the smallest wrapping keys, by every algorithm that the HSM has for the spec; what it refuses is refused. */
    const everyWay = async (
      meta: HbkMeta,
      check: (unwrap: (material: Bytes) => ReturnType<Imports["unwrap"]>) => Promise<void>,
    ): Promise<void> => {
      const { hsm } = bench();
      const { imports } = hsm;
      if (!imports || hsm.refusal(meta.spec, meta.usage as KeyUsage) !== undefined) return;
      const keySpec = meta.spec === "ECC_NIST_P521" ? "RSA_3072" : "RSA_2048";
      const { ekt, publicKey } = await imports.wrappingKey(wrappingMeta(meta, keySpec));
      const ways = wrappingsOf(meta.spec).filter((wrapping) => wrapping.keySpec === keySpec);
      const taken = ways.filter((way) => imports.refusal(meta.spec, way) === undefined);
      for (const { algorithm: way } of ways) {
        const unwrap = (material: Bytes) => imports.unwrap(meta, ekt, way, wrapped(publicKey, way, material));
        if (taken.some((one) => one.algorithm === way)) await check(unwrap);
        else await expectHsmError("unsupported", unwrap(new Uint8Array(32)), way);
      }
    };

    it("give SM4 keys of 16 bytes, which have one name however they came", async () => {
      const meta: HbkMeta = { ...external(), spec: "SM4" };
      const material = secret.subarray(0, 16);
      const fixedInput = concat(Uint8Array.of(0, 0, 0, 1), kbkdfFixedInput("SR1-keyname", meta.keyId, noNonce));
      const name = createHmac("sha256", material).update(fixedInput).digest("hex");
      await everyWay(meta, async (unwrap) => {
        const { hsm } = bench();
        const key = tokenOf(await unwrap(material));
        expect(hbkIdOf(key).toHex()).toBe(name);
        const ciphertext = await hsm.encrypt(key, algorithm, text, aad);
        expect(ciphertext[1]).toBe(suites.SM4.code);
        expect(await hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(text);
        for (const length of [1, 15, 17, 32]) expect(await unwrap(new Uint8Array(length)), `${length}`).toBe("unfit");
      });
    });

    it.each(["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"] as const)(
      "give %s keys, of the lengths they may have",
      async (spec) => {
        const meta: HbkMeta = { ...external(), kind: "kms-hmac", spec, usage: "GENERATE_VERIFY_MAC" };
        const bits = Number(spec.slice("HMAC_".length));
        await everyWay(meta, async (unwrap) => {
          for (const length of [bits / 8, 64, 128]) {
            const material = new Uint8Array(length).fill(length);
            const expected = createHmac(`sha${bits}`, material).update(text).digest();
            expect(await bench().hsm.mac(tokenOf(await unwrap(material)), text)).toEqual(new Uint8Array(expected));
          }
          for (const length of [bits / 8 - 1, 129])
            expect(await unwrap(new Uint8Array(length)), `${length}`).toBe("unfit");
        });
      },
    );

    it.each([
      ["RSA_2048", "SIGN_VERIFY"],
      ["RSA_2048", "ENCRYPT_DECRYPT"],
      ["ECC_NIST_P256", "SIGN_VERIFY"],
      ["ECC_NIST_P256", "KEY_AGREEMENT"],
      ["ECC_NIST_P384", "SIGN_VERIFY"],
      ["ECC_NIST_P521", "SIGN_VERIFY"],
      ["ECC_SECG_P256K1", "SIGN_VERIFY"],
    ] as const)("give %s keys for %s, whose private half is the one that came", async (spec, usage) => {
      const meta: HbkMeta = { ...external(), kind: "kms-private", spec, usage };
      const own = pairOf(spec);
      await everyWay(meta, async (unwrap) => {
        const imported = await unwrap(pkcs8(own));
        const ekt = tokenOf(imported);
        expect(parseEkt(ekt).meta).toEqual(meta);
        const spki = new Uint8Array(createPublicKey(own).export({ format: "der", type: "spki" }));
        expect((imported as ImportedKey).publicKey).toEqual(spki);
        await works(bench().hsm.keyPairs as KeyPairs, ekt, meta, own);
        expect(await unwrap(utf8("no PrivateKeyInfo, but as long as one of a curve"))).toBe("unfit");
        if (spec === "ECC_NIST_P256") expect(await unwrap(pkcs8(pairOf("ECC_NIST_P384")))).toBe("unfit");
        if (spec === "RSA_2048") expect(await unwrap(pkcs8(pairOf("RSA_3072")))).toBe("unfit");
        if (spec === "RSA_2048") expect(await unwrap(pkcs8(pairOf("ECC_NIST_P256")))).toBe("unfit");
      });
    });

    it("have wrapping keys that nothing else is done with, and that survive a rotation of the domain key", async () => {
      const { hsm, admin } = bench();
      if (!hsm.imports) return;
      const [wrapping] = wrappings(hsm.imports);
      const name = wrapping?.algorithm as WrappingAlgorithm;
      const meta = external();
      const { ekt, publicKey } = await hsm.imports.wrappingKey(wrappingMeta(meta, wrapping?.keySpec as KeySpec));
      await expectHsmError("refused", hsm.release(ekt));
      await expectHsmError("refused", hsm.encrypt(ekt, algorithm, text, aad));
      await expectHsmError("refused", hsm.mac(ekt, text));
      await admin.activateDomainKey(await admin.addDomainKey());
      await hsm.reload();
      tokenOf(await hsm.imports.unwrap(meta, ekt, name, wrapped(publicKey, name, secret)));
    });
  });
}

/** Claims about keys in several regions; an HSM that keeps its keys has none. */
export function replicaClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  describe("a replica", () => {
    it("of a key opens in another region what the key has sealed, under its name", async () => {
      const { hsm } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      const sealed = await hsm.encrypt(key, algorithm, text, aad);
      const replica = await hsm.replicate(key, "us-east-1");
      expect(parseEkt(replica).meta).toEqual({ ...parseEkt(key).meta, region: "us-east-1" });
      expect(hbkIdOf(replica)).toEqual(hbkIdOf(key));
      expect(await hsm.decrypt(replica, algorithm, sealed, aad)).toEqual(text);
      expect(await hsm.decrypt(key, algorithm, await hsm.encrypt(replica, algorithm, text, aad), aad)).toEqual(text);
    });

    it("of an HMAC key computes the same", async () => {
      const { hsm } = bench();
      const key = await hsm.generateKey({ ...metaOf("kms-hmac"), spec: "HMAC_256", usage: "GENERATE_VERIFY_MAC" });
      expect(await hsm.mac(await hsm.replicate(key, "us-east-1"), text)).toEqual(await hsm.mac(key, text));
    });

    it("of a key pair signs for the same public key", async () => {
      const { hsm } = bench();
      if (!hsm.keyPairs || hsm.refusal("ECC_NIST_P256", "SIGN_VERIFY") !== undefined) return;
      const meta: HbkMeta = { ...metaOf("kms-private"), spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" };
      const { ekt } = await hsm.keyPairs.generate(meta);
      const replica = await hsm.replicate(ekt, "us-east-1");
      expect(hbkIdOf(replica)).toEqual(hbkIdOf(ekt));
      expect(await hsm.keyPairs.sign(replica, "ECDSA_SHA_256", text, "RAW")).toBeInstanceOf(Uint8Array);
    });

    it("is made of no token that was edited, and of no key of the service's own", async () => {
      const { hsm } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      for (let i = 0; i < key.length; i += 8 * fixture.stride) {
        await expectHsmError("refused", hsm.replicate(edited(key, i), "us-east-1"), `octet ${i}`);
      }
      await expectHsmError("refused", hsm.replicate(await hsm.generateKey(metaOf("record")), "us-east-1"));
    });
  });
}

const curves = {
  ECC_NIST_P256: "prime256v1",
  ECC_NIST_P384: "secp384r1",
  ECC_NIST_P521: "secp521r1",
  ECC_SECG_P256K1: "secp256k1",
} as const;

function pairOf(spec: keyof typeof curves | "RSA_2048" | "RSA_3072"): KeyObject {
  if (spec === "RSA_2048" || spec === "RSA_3072") return rsaKeys[spec];
  return generateKeyPairSync("ec", { namedCurve: curves[spec] }).privateKey;
}

const pkcs8 = (key: KeyObject): Bytes => new Uint8Array(key.export({ format: "der", type: "pkcs8" }));

/** What the HSM does with its key fits what OpenSSL does with `own`. */
async function works(keyPairs: KeyPairs, ekt: Ekt, { spec, usage }: HbkMeta, own: KeyObject): Promise<void> {
  const publicKey = createPublicKey(own);
  if (usage === "ENCRYPT_DECRYPT") {
    const padded = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    expect(await keyPairs.decrypt(ekt, "RSAES_OAEP_SHA_256", new Uint8Array(publicEncrypt(padded, text)))).toEqual(
      text,
    );
  } else if (usage === "KEY_AGREEMENT") {
    const other = generateKeyPairSync("ec", { namedCurve: curves[spec as keyof typeof curves] });
    const spki = new Uint8Array(other.publicKey.export({ format: "der", type: "spki" }));
    const expected = diffieHellman({ privateKey: own, publicKey: other.publicKey });
    expect(await keyPairs.deriveSharedSecret(ekt, spki)).toEqual(new Uint8Array(expected));
  } else {
    const [first] = algorithmsOf(spec, "SIGN_VERIFY") as readonly SigningAlgorithm[];
    const signing = spec === "RSA_2048" ? "RSASSA_PKCS1_V1_5_SHA_256" : (first as SigningAlgorithm);
    const signature = await keyPairs.sign(ekt, signing, text, "RAW");
    expect(verify(`sha${signing.slice(-3)}`, text, publicKey, signature), signing).toBe(true);
  }
}

function tokenOf(imported: Awaited<ReturnType<Imports["unwrap"]>>): Ekt {
  if (!imported || imported === "unfit") throw new Error(`nothing was imported: ${imported}`);
  return imported.ekt satisfies Bytes;
}
