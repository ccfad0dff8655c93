import { describe, expect, it } from "vitest";
import { concat, hex, utf8 } from "../../src/base/bytes.ts";
import type { Ekt, HsmConfig } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { type HbkMeta, kindOfSpec } from "../../src/model/hbk.ts";
import { keySpecs, keyUsages } from "../../src/model/key-spec.ts";
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

export function tokenClaims<Config extends HsmConfig>(fixture: HsmFixture<Config>): void {
  describe("key tokens", () => {
    const bench = useBench(fixture);

    it.each(["kms-symmetric", "record", "index", "audit", "import"] as const)(
      "of kind %s say what they bind",
      async (kind) => {
        const meta = metaOf(kind);
        const key = await bench().hsm.generateKey(meta);
        expect(parseEkt(key).meta).toEqual(meta);
        expect(hex(hbkIdOf(key))).not.toBe(hex(hbkIdOf(await bench().hsm.generateKey(meta))));
      },
    );

    it("are made for the specs and usages that are not refused, and no others", async () => {
      for (const spec of keySpecs) {
        for (const usage of keyUsages) {
          const { hsm } = bench();
          const kind = kindOfSpec(spec);
          const meta = { ...metaOf("kms-symmetric"), kind, spec, usage };
          const pairs = kind === "kms-private" ? hsm.keyPairs : undefined;
          const made = pairs ? pairs.generate(meta).then(({ ekt }) => ekt) : hsm.generateKey(meta);
          if (hsm.refusal(spec, usage) === undefined) expect(parseEkt(await made).meta).toEqual(meta);
          else await expectHsmError("unsupported", made, `${spec} ${usage}`);
        }
      }
      expect(bench().hsm.refusal("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")).toBeUndefined();
    });

    it("over material of the host are made for sigv4 alone", async () => {
      for (const kind of ["kms-symmetric", "kms-hmac", "kms-private", "record", "index", "audit", "import"] as const) {
        await expect(bench().hsm.importKey(metaOf(kind), new Uint8Array(32)), kind).rejects.toThrow();
      }
    });

    it("over the same material name it the same, under one key id alone", async () => {
      const meta = metaOf("sigv4");
      const [one, two] = [
        await bench().hsm.importKey(meta, utf8("AWS4a")),
        await bench().hsm.importKey(meta, utf8("AWS4a")),
      ];
      const other = await bench().hsm.importKey(metaOf("sigv4"), utf8("AWS4a"));
      expect(hbkIdOf(one)).toEqual(hbkIdOf(two));
      expect(hbkIdOf(one)).not.toEqual(hbkIdOf(other));
    });

    it("are released for record and index keys, the same each time", async () => {
      for (const kind of ["record", "index"] as const) {
        const key = await bench().hsm.generateKey(metaOf(kind));
        const material = await bench().hsm.release(key);
        expect(material).toHaveLength(32);
        expect(await bench().hsm.release(key)).toEqual(material);
      }
    });

    it("of another kind or usage are refused by every call", async () => {
      const { hsm } = bench();
      const keys: [string, HbkMeta["kind"], Ekt][] = [];
      for (const kind of ["kms-symmetric", "record", "index", "audit", "import"] as const) {
        keys.push([kind, kind, await hsm.generateKey(metaOf(kind))]);
      }
      keys.push(["sigv4", "sigv4", await hsm.importKey(metaOf("sigv4"), utf8("AWS4a"))]);
      for (const [name, kind, key] of keys) {
        if (kind !== "kms-symmetric") {
          await expectHsmError("refused", hsm.encrypt(key, algorithm, aad, aad), name);
          await expectHsmError("refused", hsm.decrypt(key, algorithm, new Uint8Array(100), aad), name);
          await expectHsmError("refused", hsm.generateDataKey(key, 32, aad, "both"), name);
        }
        if (kind !== "sigv4") await expectHsmError("refused", hsm.mac(key, aad), name);
        if (kind !== "record" && kind !== "index") await expectHsmError("refused", hsm.release(key), name);
      }
    });

    it("edited in any octet are refused", async () => {
      const { hsm } = bench();
      const key = await hsm.generateKey(metaOf("kms-symmetric"));
      const record = await hsm.generateKey(metaOf("record"));
      for (let i = 0; i < key.length; i += fixture.stride) {
        await expectHsmError("refused", hsm.encrypt(edited(key, i), algorithm, aad, aad), `octet ${i}`);
      }
      for (let i = 0; i < record.length; i += fixture.stride) {
        await expectHsmError("refused", hsm.release(edited(record, i, 0x80)), `octet ${i}`);
      }
    });

    it("cut, lengthened, or of parts of two are refused", async () => {
      const { hsm } = bench();
      const [key, other] = [
        await hsm.generateKey(metaOf("kms-symmetric")),
        await hsm.generateKey(metaOf("kms-symmetric")),
      ];
      for (let length = 0; length < key.length; length += fixture.stride) {
        await expectHsmError("refused", hsm.encrypt(key.subarray(0, length), algorithm, aad, aad), `${length} octets`);
      }
      await expectHsmError("refused", hsm.encrypt(concat(key, Uint8Array.of(0)), algorithm, aad, aad));
      const { head } = parseEkt(key);
      await expectHsmError("refused", hsm.encrypt(concat(head, other.subarray(head.length)), algorithm, aad, aad));
    });

    it("of another HSM are refused", async () => {
      const other = await openBench(fixture);
      const key = await other.hsm.generateKey(metaOf("kms-symmetric"));
      await expectHsmError("refused", bench().hsm.encrypt(key, algorithm, aad, aad));
      await expectHsmError("refused", bench().admin.rewrap(key));
      await closeBench(other);
    });
  });
}
