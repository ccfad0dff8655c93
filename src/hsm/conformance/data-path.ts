import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { type Bytes, hex, utf8 } from "../../base/bytes.ts";
import { parseHeader } from "../../model/ciphertext.ts";
import { aad, algorithm, type Bench, claimsOn, edited, hbkIdOf, metaOf, newKey, refusedAs } from "./claim.ts";

export const encryptionClaims = claimsOn("encrypt and decrypt", {
  "serve plaintexts of 0 to 4,096 bytes": async (bench) => {
    const { hsm } = bench;
    const key = await newKey(bench);
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 4095, 4096]) {
      const plaintext = new Uint8Array(length).map((_, i) => i * 7);
      const ciphertext = await hsm.encrypt(key, algorithm, plaintext, aad);
      assert.equal(ciphertext.length, 62 + length + 16);
      assert.deepEqual(parseHeader(ciphertext)?.hbkId, hbkIdOf(key));
      assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, aad), plaintext);
    }
  },

  "serve aad of any length to beyond the longest encryption context": async (bench) => {
    const { hsm } = bench;
    const key = await newKey(bench);
    for (const length of [0, 1, 62, 8192, 16_384]) {
      const ciphertext = await hsm.encrypt(key, algorithm, aad, new Uint8Array(length));
      assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, new Uint8Array(length)), aad);
      const other = new Uint8Array(length).fill(9, 0, 1);
      assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, other), length ? null : aad);
    }
  },

  "refuse more than 4,096 bytes": async (bench) => {
    await assert.rejects(bench.hsm.encrypt(await newKey(bench), algorithm, new Uint8Array(4097), aad));
  },

  "never make the same ciphertext twice": async (bench) => {
    const key = await newKey(bench);
    const headers = new Set<string>();
    for (let i = 0; i < 50; i++) headers.add(hex((await bench.hsm.encrypt(key, algorithm, aad, aad)).subarray(34, 62)));
    assert.equal(headers.size, 50);
  },

  "answer null to a ciphertext that is edited, cut, lengthened or empty": async (bench) => {
    const { hsm, stride } = bench;
    const key = await newKey(bench);
    const ciphertext = await hsm.encrypt(key, algorithm, utf8("seventeen octets."), aad);
    const opens = async (bytes: Bytes, what: string) =>
      assert.equal(await hsm.decrypt(key, algorithm, bytes, aad), null, `it opens with ${what}`);
    for (let bit = 0; bit < ciphertext.length * 8; bit += stride) {
      await opens(edited(ciphertext, bit >> 3, 1 << (bit & 7)), `bit ${bit} turned`);
    }
    for (let length = 0; length < ciphertext.length; length += stride) {
      await opens(ciphertext.subarray(0, length), `${length} octets alone`);
    }
    await opens(new Uint8Array([...ciphertext, 0]), "an octet more");
    await opens(new Uint8Array(6144), "nothing but zeros");
    assert.deepEqual(await hsm.decrypt(key, algorithm, ciphertext, aad), utf8("seventeen octets."));
  },

  "answer null to another key's ciphertext and to other aad": async (bench) => {
    const { hsm } = bench;
    const [key, other] = [await newKey(bench), await newKey(bench)];
    const ciphertext = await hsm.encrypt(key, algorithm, utf8("secret"), aad);
    assert.equal(await hsm.decrypt(other, algorithm, ciphertext, aad), null);
    const claimed = ciphertext.slice();
    claimed.set(hbkIdOf(other), 2);
    assert.equal(await hsm.decrypt(other, algorithm, claimed, aad), null);
    for (const wrong of [utf8(""), aad.subarray(1), new Uint8Array([...aad, 0]), edited(aad, 3)]) {
      assert.equal(await hsm.decrypt(key, algorithm, ciphertext, wrong), null);
    }
  },

  "serve SYMMETRIC_DEFAULT alone": async (bench) => {
    const key = await newKey(bench);
    await refusedAs("unsupported", bench.hsm.encrypt(key, "RSAES_OAEP_SHA_256", aad, aad));
    await refusedAs("unsupported", bench.hsm.decrypt(key, "SM2PKE", aad, aad));
  },

  "keep many calls at once apart": async (bench) => {
    const key = await newKey(bench);
    const sealed = Array.from({ length: 64 }, (_, i) => bench.hsm.encrypt(key, algorithm, Uint8Array.of(i), aad));
    const opened = (await Promise.all(sealed)).map((ciphertext) => bench.hsm.decrypt(key, algorithm, ciphertext, aad));
    assert.deepEqual(
      await Promise.all(opened),
      sealed.map((_, i) => Uint8Array.of(i)),
    );
  },
});

export const dataKeyClaims = claimsOn("data keys, re-encryption, MACs and random octets", {
  "give data keys of 1 to 1,024 bytes whose ciphertext opens to them": async (bench) => {
    const key = await newKey(bench);
    for (const length of [1, 16, 32, 64, 1024]) {
      const { plaintext, ciphertext } = await bench.hsm.generateDataKey(key, length, aad, "both");
      assert.equal(plaintext?.length, length);
      assert.deepEqual(await bench.hsm.decrypt(key, algorithm, ciphertext, aad), plaintext);
    }
  },

  "keep the plaintext of a data key to themselves when only the ciphertext is wanted": async (bench) => {
    const key = await newKey(bench);
    const made = await bench.hsm.generateDataKey(key, 32, aad, "ciphertext");
    assert.deepEqual(Object.keys(made), ["ciphertext"]);
    assert.equal((await bench.hsm.decrypt(key, algorithm, made.ciphertext, aad))?.length, 32);
  },

  "refuse data keys of no bytes and of more than 1,024": async (bench) => {
    const key = await newKey(bench);
    for (const length of [0, 1025]) await assert.rejects(bench.hsm.generateDataKey(key, length, aad, "both"));
  },

  "re-encrypt under another key and other aad": async (bench) => {
    const { hsm } = bench;
    const [from, to] = [await newKey(bench), await newKey(bench)];
    const ciphertext = await hsm.encrypt(from, algorithm, utf8("x"), aad);
    const source = { key: from, algorithm, aad, ciphertext } as const;
    const moved = await hsm.reEncrypt(source, { key: to, algorithm, aad: utf8("other") });
    assert.deepEqual(moved && (await hsm.decrypt(to, algorithm, moved, utf8("other"))), utf8("x"));
    assert.equal(await hsm.reEncrypt({ ...source, aad: utf8("wrong") }, { key: to, algorithm, aad }), null);
  },

  "compute HMAC-SHA-256 with SigV4 secrets of 1 to 200 bytes": async ({ hsm }) => {
    for (const length of [1, 44, 63, 64, 65, 200]) {
      const secret = new Uint8Array(length).fill(0x5a);
      const key = await hsm.importKey(metaOf("sigv4"), secret);
      for (const message of [utf8(""), utf8("20260101"), new Uint8Array(4096)]) {
        const expected = createHmac("sha256", secret).update(message).digest("hex");
        assert.equal(hex(await hsm.mac(key, message)), expected);
      }
    }
  },

  "compute no MAC that is a key derivation": async ({ hsm }) => {
    const key = await hsm.importKey(metaOf("sigv4"), utf8("AWS4secret"));
    await refusedAs("refused", hsm.mac(key, utf8("\0\0\0\u0001SR1-encrypt")));
    await refusedAs("refused", hsm.mac(key, utf8("\0\0\0\u0001SR1-")));
    assert.equal((await hsm.mac(key, utf8("\0\0\0\u0001SR1"))).length, 32);
  },

  "give random octets of every length from 1 to 1,024": async ({ hsm }: Bench) => {
    for (const length of [1, 16, 32, 33, 1024]) assert.equal((await hsm.random(length)).length, length);
    const drawn = await Promise.all(Array.from({ length: 100 }, () => hsm.random(16)));
    assert.equal(new Set(drawn.map(hex)).size, 100);
    for (const length of [0, 1025, -1, 1.5]) await assert.rejects(hsm.random(length), `${length} octets`);
  },
});
