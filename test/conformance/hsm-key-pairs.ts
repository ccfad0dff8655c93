import { createPrivateKey, createPublicKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { Asymmetric } from "../../src/engine/asymmetric/asymmetric.ts";
import { pairOf } from "../../src/hsm/conformance/claim.ts";
import type { HsmConfig, KeyPairs } from "../../src/hsm/index.ts";
import { algorithmsOf } from "../../src/model/algorithms.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { kindOfSpec } from "../../src/model/hbk.ts";
import { dataKeyPairSpecs, keySpecs, type SigningAlgorithm } from "../../src/model/key-spec.ts";
import {
  aad,
  algorithm,
  type Bench,
  closeBench,
  expectHsmError,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
} from "./hsm-fixture.ts";

const asymmetric = new Asymmetric();

/** Claims about what `keyPairs` does; an HSM without it refuses every key pair. */
export function keyPairClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  describe("key pairs", () => {
    it("to take away come encrypted, and in the clear where that is wanted", async () => {
      const { hsm } = bench();
      const { keyPairs } = hsm;
      if (!keyPairs) return;
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      for (const spec of dataKeyPairSpecs) {
        const made = await keyPairs.generateDataKeyPair(key, spec, aad, "both");
        expect(await hsm.decrypt(key, algorithm, made.ciphertext, aad), spec).toEqual(made.plaintext);
        const pkcs8 = createPrivateKey({ key: Buffer.from(made.plaintext ?? aad), format: "der", type: "pkcs8" });
        const spki = createPublicKey(pkcs8).export({ format: "der", type: "spki" });
        expect(hex(spki)).toBe(hex(made.publicKey));
      }
      const hidden = await keyPairs.generateDataKeyPair(key, "ECC_NIST_P256", aad, "ciphertext");
      expect(Object.keys(hidden).sort()).toEqual(["ciphertext", "publicKey"]);
    }, 120_000);

    it("move to another HSM of the kind, and keep their names", async () => {
      const other = await openBench(fixture);
      const target = await other.admin.transportKey();
      await bench().admin.pinTransportKey(target);
      const hmac = { ...metaOf("kms-hmac"), spec: "HMAC_512", usage: "GENERATE_VERIFY_MAC" } as const;
      const { hsm } = bench();
      const specs = keySpecs.filter((spec) => kindOfSpec(spec) === "kms-private" && !spec.startsWith("RSA"));
      for (const spec of specs.filter((spec) => hsm.refusal(spec, "SIGN_VERIFY") === undefined)) {
        const pairs = hsm.keyPairs as KeyPairs;
        const { ekt, publicKey } = await pairOf(hsm, pairs, spec, "SIGN_VERIFY");
        const { meta, hbkId } = parseEkt(ekt);
        const exported = await bench().admin.exportTo(ekt, target);
        const moved = await other.admin.importFrom(meta, hbkId, exported);
        const [by] = (algorithmsOf(spec, "SIGN_VERIFY") ?? []) as SigningAlgorithm[];
        const signature = await (other.hsm.keyPairs as KeyPairs).sign(moved, by as SigningAlgorithm, aad, "RAW");
        expect(await asymmetric.verify(by as SigningAlgorithm, publicKey, aad, "RAW", signature)).toBe(true);
        const stranger = await pairs.generate(meta);
        await expectHsmError("refused", other.admin.importFrom(meta, hbkIdOf(stranger.ekt), exported));
      }
      if (bench().hsm.refusal(hmac.spec, hmac.usage) === undefined) {
        const key = await bench().hsm.generateKey(hmac);
        const exported = await bench().admin.exportTo(key, target);
        const moved = await other.admin.importFrom(hmac, hbkIdOf(key), exported);
        expect(await other.hsm.mac(moved, aad)).toEqual(await bench().hsm.mac(key, aad));
        await expectHsmError("refused", other.admin.importFrom(hmac, new Uint8Array(32), exported));
      }
      await closeBench(other);
    }, 120_000);
  });
}
