import assert from "node:assert/strict";
import { concat, hex, utf8 } from "../../base/bytes.ts";
import { parseEkt } from "../../model/ekt.ts";
import { type HbkMeta, kindOfSpec } from "../../model/hbk.ts";
import { keySpecs, keyUsages } from "../../model/key-spec.ts";
import type { Ekt } from "../hsm.ts";
import { aad, algorithm, claimsOn, edited, hbkIdOf, metaOf, newKey, refusedAs } from "./claim.ts";

export const tokenClaims = claimsOn("key tokens", {
  "say what they bind": async ({ hsm }) => {
    for (const kind of ["kms-symmetric", "record", "index", "audit", "import"] as const) {
      const meta = metaOf(kind);
      const key = await hsm.generateKey(meta);
      assert.deepEqual(parseEkt(key).meta, meta);
      assert.notEqual(hex(hbkIdOf(key)), hex(hbkIdOf(await hsm.generateKey(meta))));
    }
  },

  // Key pairs that are not refused: key-pairs.ts, as a token may need seconds for one.
  "are made for the specs and usages that are not refused, and no others": async ({ hsm }) => {
    for (const spec of [...keySpecs, "SM4"] as const) {
      for (const usage of keyUsages) {
        const kind = kindOfSpec(spec);
        const meta = { ...metaOf("kms-symmetric"), kind, spec, usage };
        const pairs = kind === "kms-private" ? hsm.keyPairs : undefined;
        if (hsm.refusal(spec, usage) !== undefined) {
          await refusedAs("unsupported", pairs ? pairs.generate(meta) : hsm.generateKey(meta), `${spec} for ${usage}`);
          continue;
        }
        if (!pairs) assert.deepEqual(parseEkt(await hsm.generateKey(meta)).meta, meta);
      }
    }
    assert.equal(hsm.refusal("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), undefined);
  },

  "over material of the host are made for sigv4 alone": async ({ hsm }) => {
    for (const kind of ["kms-symmetric", "kms-hmac", "kms-private", "record", "index", "audit", "import"] as const) {
      await assert.rejects(hsm.importKey(metaOf(kind), new Uint8Array(32)), kind);
    }
  },

  "over the same material name it the same, under one key id alone": async ({ hsm }) => {
    const meta = metaOf("sigv4");
    const one = await hsm.importKey(meta, utf8("AWS4a"));
    const two = await hsm.importKey(meta, utf8("AWS4a"));
    const other = await hsm.importKey(metaOf("sigv4"), utf8("AWS4a"));
    assert.deepEqual(hbkIdOf(one), hbkIdOf(two));
    assert.notDeepEqual(hbkIdOf(one), hbkIdOf(other));
  },

  "are released for record and index keys, the same each time": async ({ hsm }) => {
    for (const kind of ["record", "index"] as const) {
      const key = await hsm.generateKey(metaOf(kind));
      const material = await hsm.release(key);
      assert.equal(material.length, 32);
      assert.deepEqual(await hsm.release(key), material);
    }
  },

  "of another kind or usage are refused by every call": async ({ hsm }) => {
    const keys: [HbkMeta["kind"], Ekt][] = [];
    for (const kind of ["kms-symmetric", "record", "index", "audit", "import"] as const) {
      keys.push([kind, await hsm.generateKey(metaOf(kind))]);
    }
    keys.push(["sigv4", await hsm.importKey(metaOf("sigv4"), utf8("AWS4a"))]);
    for (const [kind, key] of keys) {
      if (kind !== "kms-symmetric") {
        await refusedAs("refused", hsm.encrypt(key, algorithm, aad, aad), kind);
        await refusedAs("refused", hsm.decrypt(key, algorithm, new Uint8Array(100), aad), kind);
        await refusedAs("refused", hsm.generateDataKey(key, 32, aad, "both"), kind);
      }
      if (kind !== "sigv4") await refusedAs("refused", hsm.mac(key, aad), kind);
      if (kind !== "record" && kind !== "index") await refusedAs("refused", hsm.release(key), kind);
    }
  },

  "edited in any octet are refused": async (bench) => {
    const { hsm, stride } = bench;
    const key = await newKey(bench);
    const record = await hsm.generateKey(metaOf("record"));
    for (let i = 0; i < key.length; i += stride) {
      await refusedAs("refused", hsm.encrypt(edited(key, i), algorithm, aad, aad), `octet ${i}`);
    }
    for (let i = 0; i < record.length; i += stride) {
      await refusedAs("refused", hsm.release(edited(record, i, 0x80)), `octet ${i}`);
    }
  },

  "cut, lengthened, or of parts of two are refused": async (bench) => {
    const { hsm, stride } = bench;
    const [key, other] = [await newKey(bench), await newKey(bench)];
    for (let length = 0; length < key.length; length += stride) {
      await refusedAs("refused", hsm.encrypt(key.subarray(0, length), algorithm, aad, aad), `${length} octets`);
    }
    await refusedAs("refused", hsm.encrypt(concat(key, Uint8Array.of(0)), algorithm, aad, aad));
    const { head } = parseEkt(key);
    await refusedAs("refused", hsm.encrypt(concat(head, other.subarray(head.length)), algorithm, aad, aad));
  },
});
