import { describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/base/bytes.ts";
import type { Ekt, HsmConfig, Imports } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { HbkMeta } from "../../src/model/hbk.ts";
import {
  type KeySpec,
  type WrappingAlgorithm,
  wrappingAlgorithms,
  wrappingKeySpecs,
} from "../../src/model/key-spec.ts";
import { wrappingRefusal } from "../../src/model/wrapping.ts";
import { wrapped } from "../operations/wrapping-client.ts";
import { aad, algorithm, edited, expectHsmError, type HsmFixture, hbkIdOf, metaOf, useBench } from "./hsm-fixture.ts";

const secret = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const text = utf8("text");

/** Claims about material from outside; an HSM without `imports` takes none. */
export function importClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("imports", () => {
    const bench = useBench(fixture);
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
      wrappingAlgorithms
        .flatMap((name) => wrappingKeySpecs.map((keySpec) => ({ algorithm: name, keySpec })))
        .filter((wrapping) => wrappingRefusal("SYMMETRIC_DEFAULT", wrapping) === undefined)
        .filter((wrapping) => imports.refusal("SYMMETRIC_DEFAULT", wrapping) === undefined);

    it("give a key that encrypts with the material, under every wrapping", async () => {
      const { hsm } = bench();
      if (!hsm.imports) return;
      const tried = wrappings(hsm.imports);
      expect(tried.length).toBeGreaterThan(0);
      const meta = external();
      const names = new Set<string>();
      for (const { algorithm: wrapping, keySpec } of tried) {
        const { ekt, publicKey } = await hsm.imports.wrappingKey(wrappingMeta(meta, keySpec));
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

  describe("a replica", () => {
    const bench = useBench(fixture);

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

function tokenOf(imported: Awaited<ReturnType<Imports["unwrap"]>>): Ekt {
  if (!imported || imported === "unfit") throw new Error(`nothing was imported: ${imported}`);
  return imported.ekt satisfies Bytes;
}
