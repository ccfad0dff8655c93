import assert from "node:assert/strict";
import { utf8 } from "../../base/bytes.ts";
import { aad, algorithm, type Bench, claimsOn, edited, hbkIdOf, metaOf, newKey, refusedAs } from "./claim.ts";

/** What SYMMETRIC_DEFAULT is in China Regions; not for HSMs that refuse it. */
const sm4 = (run: (bench: Bench) => Promise<void>) => async (bench: Bench) => {
  const reason = bench.hsm.refusal("SM4", "ENCRYPT_DECRYPT");
  return reason ?? run(bench);
};

export const sm4Claims = claimsOn("SM4 keys", {
  "encrypt and decrypt 0 to 4,096 bytes": sm4(async (bench) => {
    const { hsm } = bench;
    const key = await newKey(bench, "SM4");
    for (const length of [0, 1, 15, 16, 17, 64, 65, 256, 257, 4095, 4096]) {
      const plaintext = new Uint8Array(length).map((_, i) => i * 7);
      const ciphertext = await hsm.encrypt(key, algorithm, plaintext, aad);
      assert.equal(ciphertext.length, 62 + length + 16);
      assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, aad), plaintext);
      assert.equal(await hsm.decrypt(key, algorithm, ciphertext, aad.subarray(1)), null);
    }
    await assert.rejects(hsm.encrypt(key, algorithm, new Uint8Array(4097), aad));
  }),

  "give data keys": sm4(async (bench) => {
    const key = await newKey(bench, "SM4");
    const { plaintext, ciphertext } = await bench.hsm.generateDataKey(key, 32, aad, "both");
    assert.deepEqual(await bench.hsm.decrypt(key, algorithm, ciphertext, aad), plaintext);
  }),

  "open none of their bits turned, nor what claims the suite of AES": sm4(async (bench) => {
    const { hsm, stride } = bench;
    const key = await newKey(bench, "SM4");
    const ciphertext = await hsm.encrypt(key, algorithm, utf8("seventeen octets."), aad);
    for (let bit = 0; bit < ciphertext.length * 8; bit += stride) {
      const turned = edited(ciphertext, bit >> 3, 1 << (bit & 7));
      assert.equal(await hsm.decrypt(key, algorithm, turned, aad), null, `it opens with bit ${bit} turned`);
    }
    assert.equal(await hsm.decrypt(key, algorithm, ciphertext.with(1, 1), aad), null);
    assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, aad), utf8("seventeen octets."));
  }),

  "are told from AES-256 keys by their tokens alone": sm4(async (bench) => {
    const { hsm } = bench;
    const [key, aes] = [await newKey(bench, "SM4"), await newKey(bench)];
    const ciphertext = await hsm.encrypt(aes, algorithm, aad, aad);
    const claimed = ciphertext.with(1, 3);
    claimed.set(hbkIdOf(key), 2);
    assert.equal(await hsm.decrypt(key, algorithm, claimed, aad), null);
    assert.equal(await hsm.decrypt(aes, algorithm, ciphertext.with(1, 3), aad), null);
    for (const [token, spec] of [
      [key, 0x01],
      [aes, 0x80],
    ] as const) {
      await refusedAs("refused", hsm.encrypt(token.with(35, spec), algorithm, aad, aad), "a token of another spec");
    }
  }),

  "re-encrypt to and from AES-256 keys": sm4(async (bench) => {
    const { hsm } = bench;
    const [key, aes] = [await newKey(bench, "SM4"), await newKey(bench)];
    for (const [from, to] of [
      [key, aes],
      [aes, key],
    ] as const) {
      const ciphertext = await hsm.encrypt(from, algorithm, utf8("x"), aad);
      const moved = await hsm.reEncrypt({ key: from, algorithm, aad, ciphertext }, { key: to, algorithm, aad });
      assert.deepEqual(moved && (await hsm.decrypt(to, algorithm, moved, aad)), utf8("x"));
    }
  }),

  "make no MACs": sm4(async (bench) => {
    await refusedAs("refused", bench.hsm.mac(await newKey(bench, "SM4"), aad));
    await assert.rejects(bench.hsm.generateKey({ ...metaOf("kms-hmac"), spec: "SM4" }));
  }),
});
