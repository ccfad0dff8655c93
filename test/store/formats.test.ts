import { createCipheriv, createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { concat, fromHex, hex, uint32, utf8 } from "../../src/base/bytes.ts";
import { decodeAnchor, encodeAnchor } from "../../src/store/anchor.ts";
import { decodeChange, encodeChange } from "../../src/store/change.ts";
import { path, StoredPaths } from "../../src/store/path.ts";
import { openRecord, recordKeyVersion, sealRecord } from "../../src/store/record.ts";
import { engine } from "./home.ts";

// Made here from the descriptions alone, so that no change of the code can change what rests in stores unnoticed.

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a sealed record", () => {
  const key = { version: 258, id: new Uint8Array(16).fill(3), material: new Uint8Array(32).fill(4) };
  const nonces = Uint8Array.from({ length: 28 }, (_, i) => i);
  const place = { stored: "key/1/r/a", revision: 2 ** 32 + 7 };

  const byHand = (): Buffer => {
    const header = Buffer.concat([Uint8Array.of(1, 1, 1, 2), nonces]);
    const fixedInput = Buffer.concat([Buffer.from("SR1-records\0"), key.id, nonces.subarray(0, 16), uint32(256)]);
    const callKey = createHmac("sha256", key.material).update(uint32(1)).update(fixedInput).digest();
    const cipher = createCipheriv("aes-256-gcm", callKey, nonces.subarray(16));
    cipher.setAAD(Buffer.concat([header, Uint8Array.of(0, 9), Buffer.from("key/1/r/a"), uint32(1), uint32(7)]));
    const plaintext = Buffer.concat([Uint8Array.of(0, 4), Buffer.from("name"), Buffer.from("value")]);
    return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  };

  test("is what its description says", () => {
    const record = { path: "name", value: utf8("value") };
    expect(hex(sealRecord(engine, key, nonces, place, record))).toBe(byHand().toString("hex"));
    expect(openRecord(engine, key, place, byHand())).toEqual(record);
    expect(recordKeyVersion(byHand())).toBe(258);
  });

  test("does not open elsewhere, at another revision, under another key, or with any bit changed", () => {
    const sealed = byHand();
    expect(openRecord(engine, key, { ...place, stored: "key/1/r/b" }, sealed)).toBeUndefined();
    expect(openRecord(engine, key, { ...place, revision: 7 }, sealed)).toBeUndefined();
    expect(openRecord(engine, { ...key, id: new Uint8Array(16) }, place, sealed)).toBeUndefined();
    for (let i = 0; i < sealed.length; i++) {
      const edited = Buffer.from(sealed);
      edited[i] = (edited[i] as number) ^ 1;
      expect(openRecord(engine, key, place, edited), `byte ${i}`).toBeUndefined();
    }
  });

  test("of an unknown version, or too short to be one, has no key", () => {
    expect(recordKeyVersion(byHand().subarray(0, 47))).toBeUndefined();
    for (const at of [0, 1]) {
      const other = byHand();
      other[at] = 2;
      expect(recordKeyVersion(other)).toBeUndefined();
    }
  });
});

test("a change is what its description says", () => {
  const change = {
    storeId: new Uint8Array(16).fill(5),
    sequence: 2 ** 33,
    previous: sha256("before"),
    digest: new Uint8Array(32).fill(6),
    entries: [
      { stored: "key/a", row: { revision: 3, hash: sha256("value") } },
      { stored: "key/b", row: undefined },
    ],
  };
  const byHand = concat(
    Uint8Array.of(1),
    change.storeId,
    fromHex("0000000200000000"),
    fromHex(change.previous),
    change.digest,
    fromHex("00000002"),
    concat(fromHex("0005"), utf8("key/a"), fromHex("0000000000000003"), fromHex(sha256("value"))),
    concat(fromHex("0005"), utf8("key/b"), fromHex("0000000000000000")),
  );
  expect(hex(encodeChange(change))).toBe(hex(byHand));
  expect(decodeChange(byHand)).toEqual(change);
  for (const wrong of [
    byHand.subarray(0, -1),
    concat(byHand, new Uint8Array(1)),
    concat(Uint8Array.of(2), byHand.subarray(1)),
  ]) {
    expect(() => decodeChange(wrong)).toThrow(RangeError);
  }
});

test("an anchor is what its description says", () => {
  const anchor = { storeId: new Uint8Array(16).fill(7), sequence: 2 ** 32 + 1, hash: sha256("head") };
  const byHand = `01${"07".repeat(16)}0000000100000001${sha256("head")}`;
  expect(hex(encodeAnchor(anchor))).toBe(byHand);
  expect(decodeAnchor(fromHex(byHand))).toEqual(anchor);
  for (const wrong of [byHand.slice(2), `${byHand}00`, `02${byHand.slice(2)}`]) {
    expect(() => decodeAnchor(fromHex(wrong))).toThrow("malformed");
  }
});

test("a hashed name is HMAC-SHA-256 of the clear path up to it", () => {
  const indexKey = new Uint8Array(32).fill(8);
  const clear = path("alias", "111122223333", "us-east-1", "alias/pay");
  const hash = createHmac("sha256", indexKey).update(`path\0alias/111122223333/us-east-1/alias%2Fpay`).digest("hex");
  expect(new StoredPaths(engine, indexKey).of(clear)).toBe(`alias/111122223333/us-east-1/${hash}`);
});
