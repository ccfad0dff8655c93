import { expect, it } from "vitest";
import { type Bytes, concat, equalBytes, utf8 } from "../../src/base/bytes.ts";
import type { Boundary } from "../../src/engine/boundary.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { parseHeader, suites } from "../../src/model/ciphertext.ts";
import type { SymmetricSpec } from "../../src/model/key-spec.ts";
import type { Bench } from "./boundary.ts";
import {
  aad,
  domainKeyId,
  hbkIdOf,
  headOf,
  keyId,
  materialOf,
  otherDomainKeyId,
  refusal,
  rewrapped,
  root,
  symmetricKey,
  tokenOver,
} from "./boundary-fixture.ts";
import { edits } from "./engine.ts";
import { filled } from "./engine-differential.ts";

const sizes = [0, 1, 15, 16, 17, 32, 95, 96, 97, 255, 256, 1000, 1024, 4095, 4096];

/** `spec`: AES-256 or SM4. */
export function ciphertextClaims(bench: () => Bench, spec: SymmetricSpec): void {
  const keyIn = (boundary: Boundary): Bytes => symmetricKey(boundary, spec);

  it.each(sizes)("open to the %i bytes that went in", (length) => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    for (const bound of [new Uint8Array(0), aad, filled(8300, 1)]) {
      const ciphertext = boundary.encrypt(ekt, bound, filled(length, 2));
      expect(ciphertext).toHaveLength(78 + length);
      expect(boundary.decrypt(ekt, bound, ciphertext)).toEqual(filled(length, 2));
    }
  });

  it("name their version, suite and HBK, and never repeat N or IV", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const headers = Array.from({ length: 100 }, () => parseHeader(boundary.encrypt(ekt, aad, aad)));
    for (const header of headers) expect(header).toMatchObject({ suite: suites[spec].code, hbkId: hbkIdOf(ekt) });
    expect(new Set(headers.map((header) => header?.nonce.toHex())).size).toBe(100);
    expect(new Set(headers.map((header) => header?.iv.toHex())).size).toBe(100);
  });

  it("open with none of their bits flipped and under no other additional data", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const ciphertext = boundary.encrypt(ekt, aad, utf8("plaintext"));
    for (const edited of edits(ciphertext)) expect(boundary.decrypt(ekt, aad, edited)).toBeNull();
    for (const edited of edits(aad)) expect(boundary.decrypt(ekt, edited, ciphertext)).toBeNull();
    for (let length = 0; length < ciphertext.length; length++) {
      expect(boundary.decrypt(ekt, aad, ciphertext.subarray(0, length))).toBeNull();
    }
    expect(boundary.decrypt(ekt, aad, new Uint8Array(6000))).toBeNull();
    expect(boundary.decrypt(ekt, aad, new Uint8Array(100_000))).toBeNull();
    expect(boundary.decrypt(ekt, aad, ciphertext)).toEqual(utf8("plaintext"));
  });

  it("open under no other HBK, the same material in another key included", () => {
    const { engine, boundary } = bench();
    const ekt = keyIn(boundary);
    const ciphertext = boundary.encrypt(ekt, aad, utf8("plaintext"));
    expect(boundary.decrypt(keyIn(boundary), aad, ciphertext)).toBeNull();

    const material = materialOf(engine, boundary, ekt);
    const otherHead = headOf("kms-symmetric", { spec, keyId: keyId.with(0, 0xff) });
    const otherName = nameUnder(engine, material, keyId.with(0, 0xff));
    const other = tokenOver(engine, boundary, otherHead, otherName, material);
    expect(boundary.decrypt(other, aad, ciphertext)).toBeNull();
  });

  it("outlive the domain key that wrapped their HBK", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const ciphertext = boundary.encrypt(ekt, aad, utf8("plaintext"));
    expect(boundary.decrypt(rewrapped(boundary, ekt, otherDomainKeyId), aad, ciphertext)).toEqual(utf8("plaintext"));
  });

  it("are refused under an edited token, which is no null", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const ciphertext = boundary.encrypt(ekt, aad, aad);
    for (const edited of edits(ekt)) {
      expect(() => boundary.decrypt(edited, aad, ciphertext)).toThrow(refusal);
      expect(() => boundary.encrypt(edited, aad, aad)).toThrow(refusal);
    }
    expect(() => boundary.decrypt(ekt.subarray(1), aad, new Uint8Array(3))).toThrow(refusal);
  });

  it("hold at most 4,096 bytes, bound to at most 16,384", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const longest = boundary.encrypt(ekt, filled(16_384, 1), filled(4096, 2));
    expect(boundary.decrypt(ekt, filled(16_384, 1), longest)).toEqual(filled(4096, 2));
    expect(() => boundary.encrypt(ekt, aad, new Uint8Array(4097))).toThrow(RangeError);
    expect(() => boundary.encrypt(ekt, new Uint8Array(16_385), aad)).toThrow(RangeError);
    expect(() => boundary.decrypt(ekt, new Uint8Array(16_385), longest)).toThrow(RangeError);
  });

  it.each([1, 16, 32, 64, 1000, 1024])("hold data keys of %i bytes, shown when wanted", (length) => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const both = boundary.generateDataKey(ekt, aad, length, "both");
    expect(both.plaintext).toHaveLength(length);
    expect(both.plaintext?.buffer.byteLength).toBe(length);
    expect(boundary.decrypt(ekt, aad, both.ciphertext)).toEqual(both.plaintext);
    const hidden = boundary.generateDataKey(ekt, aad, length, "ciphertext");
    expect(Object.keys(hidden)).toEqual(["ciphertext"]);
    expect(boundary.decrypt(ekt, aad, hidden.ciphertext)).toHaveLength(length);
  });

  it("hold a new data key each time, of 1 to 1,024 bytes", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const keys = Array.from({ length: 50 }, () => boundary.generateDataKey(ekt, aad, 32, "both").plaintext?.toHex());
    expect(new Set(keys).size).toBe(50);
    for (const length of [0, 1025]) {
      expect(() => boundary.generateDataKey(ekt, aad, length, "both")).toThrow(RangeError);
    }
  });

  it.each([0, 1, 100, 4096])("are re-encrypted with their %i bytes", (length) => {
    const { boundary } = bench();
    const [from, to] = [keyIn(boundary), keyIn(boundary)];
    const [oldAad, newAad] = [filled(50, 1), filled(8000, 2)];
    const source = { ekt: from, aad: oldAad, ciphertext: boundary.encrypt(from, oldAad, filled(length, 3)) };
    const ciphertext = boundary.reEncrypt(source, { ekt: to, aad: newAad });
    expect(ciphertext && boundary.decrypt(to, newAad, ciphertext)).toEqual(filled(length, 3));
    expect(ciphertext && boundary.decrypt(from, oldAad, ciphertext)).toBeNull();
  });

  it("are not re-encrypted unless they open, nor under a token that is refused", () => {
    const { boundary } = bench();
    const ekt = keyIn(boundary);
    const ciphertext = boundary.encrypt(ekt, aad, aad);
    const destination = { ekt, aad };
    const edited = ciphertext.with(70, (ciphertext[70] as number) ^ 1);
    expect(boundary.reEncrypt({ ekt, aad, ciphertext: edited }, destination)).toBeNull();
    expect(boundary.reEncrypt({ ekt, aad: utf8("other"), ciphertext }, destination)).toBeNull();
    expect(boundary.reEncrypt({ ekt, aad, ciphertext: new Uint8Array(9) }, destination)).toBeNull();
    const wrongToken = { ekt: ekt.with(50, 0xee), aad };
    expect(() => boundary.reEncrypt({ ekt, aad, ciphertext }, wrongToken)).toThrow(refusal);
    expect(() => boundary.reEncrypt({ ...wrongToken, ciphertext }, destination)).toThrow(refusal);
  });
}

/** Of keys that differ in their spec alone: the same material, key id and HBK id. */
export function suiteClaims(bench: () => Bench): void {
  const pairOfSpecs = (): readonly [Bytes, Bytes] => {
    const { engine, boundary } = bench();
    const aes = symmetricKey(boundary);
    const head = headOf("kms-symmetric", { spec: "SM4" });
    return [aes, tokenOver(engine, boundary, head, hbkIdOf(aes), materialOf(engine, boundary, aes))];
  };

  it("open under a key of their own spec alone, whatever suite they claim", () => {
    const { boundary } = bench();
    const keys = pairOfSpecs();
    for (const [i, ekt] of keys.entries()) {
      const other = keys[1 - i] as Bytes;
      const ciphertext = boundary.encrypt(ekt, aad, utf8("plaintext"));
      expect(ciphertext[1]).toBe([1, 3][i]);
      const claimed = ciphertext.with(1, [3, 1][i] as number);
      expect(boundary.decrypt(other, aad, ciphertext)).toBeNull();
      expect(boundary.decrypt(other, aad, claimed)).toBeNull();
      expect(boundary.decrypt(ekt, aad, claimed)).toBeNull();
      expect(boundary.decrypt(ekt, aad, ciphertext)).toEqual(utf8("plaintext"));
    }
  });

  it("are re-encrypted from either suite to the other", () => {
    const { boundary } = bench();
    const [aes, sm4] = pairOfSpecs();
    for (const [from, to] of [
      [aes, sm4],
      [sm4, aes],
    ] as const) {
      const ciphertext = boundary.encrypt(from, aad, utf8("plaintext"));
      const moved = boundary.reEncrypt({ ekt: from, aad, ciphertext }, { ekt: to, aad: utf8("other") });
      expect(moved && boundary.decrypt(to, utf8("other"), moved)).toEqual(utf8("plaintext"));
    }
  });

  it("are made under no spec but the two", () => {
    const { boundary } = bench();
    for (const spec of ["HMAC_256", "RSA_2048", "SM2", "ML_KEM_1024"] as const) {
      const ekt = boundary.generate(headOf("kms-symmetric", { spec }), 32);
      expect(() => boundary.encrypt(ekt, aad, aad)).toThrow(refusal);
      expect(() => boundary.generateDataKey(ekt, aad, 32, "both")).toThrow(refusal);
      expect(() => boundary.decrypt(ekt, aad, new Uint8Array(100))).toThrow(refusal);
    }
  });

  it("of SM4 name and open material of 16 bytes as if zeros followed", () => {
    const { boundary } = bench();
    const head = headOf("kms-symmetric", { spec: "SM4", origin: "EXTERNAL" });
    const short = boundary.import(head, filled(16, 1));
    const padded = boundary.import(head, concat(filled(16, 1), new Uint8Array(16)));
    expect(hbkIdOf(short)).toEqual(hbkIdOf(padded));
    expect(boundary.decrypt(padded, aad, boundary.encrypt(short, aad, utf8("plaintext")))).toEqual(utf8("plaintext"));
  });
}

/** The same root, domain key and token in the boundary under test and in the reference's. */
export function interoperationClaims(bench: () => Bench): void {
  it("what one made the other opens: domain keys, tokens and ciphertexts", () => {
    const { boundary, reference } = bench();
    for (const [maker, opener] of [
      [boundary, mirrored(reference, boundary)],
      [mirrored(reference, boundary), boundary],
    ] as const) {
      for (const length of sizes) {
        for (const ekt of [symmetricKey(maker), symmetricKey(maker, "SM4")]) {
          const ciphertext = maker.encrypt(ekt, aad, filled(length, 4));
          expect(opener.decrypt(ekt, aad, ciphertext)).toEqual(filled(length, 4));
        }
      }
      const ekt = symmetricKey(maker);
      const dataKey = maker.generateDataKey(ekt, aad, 32, "both");
      expect(opener.decrypt(ekt, aad, dataKey.ciphertext)).toEqual(dataKey.plaintext);
      const record = maker.generate(headOf("record"), 64);
      expect(opener.release(record)).toEqual(maker.release(record));
    }
  });

  it("both name the same material alike", () => {
    const { engine, boundary, reference } = bench();
    const mirror = mirrored(reference, boundary);
    for (const kind of ["kms-hmac", "record", "sigv4", "audit", "import", "index"] as const) {
      for (const length of [1, 32, 64, 200]) {
        const ekt = mirror.import(headOf(kind), filled(length, 5));
        expect(hbkIdOf(boundary.import(headOf(kind), filled(length, 5)))).toEqual(hbkIdOf(ekt));
        expect(materialOf(engine, boundary, ekt)).toEqual(filled(length, 5));
      }
    }
  });
}

function mirrored(reference: Engine, boundary: Boundary): Boundary {
  const mirror = reference.boundary();
  mirror.setRoot(root);
  expect(mirror.openDomainKey(domainKeyId, boundary.sealDomainKey(domainKeyId))).toBe(true);
  return mirror;
}

/** The name of a symmetric key, as `import` gives it for another kind that is named alike. */
function nameUnder(engine: Engine, material: Bytes, id: Bytes): Bytes {
  const boundary = engine.boundary();
  boundary.generateDomainKey(domainKeyId);
  const name = hbkIdOf(boundary.import(headOf("audit", { keyId: id }), material));
  boundary.close();
  expect(equalBytes(name, new Uint8Array(32))).toBe(false);
  return name;
}
