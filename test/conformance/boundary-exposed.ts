import { createHash, createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { type Bytes, concat, utf8 } from "../../src/base/bytes.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { keySpecs } from "../../src/model/key-spec.ts";
import type { Bench } from "./boundary.ts";
import {
  headOf,
  keyDerivation,
  keyId,
  materialOf,
  metaOf,
  otherDomainKeyId,
  refusal,
  rewrapped,
  tokenOver,
} from "./boundary-fixture.ts";
import { edits } from "./engine.ts";

const commitment = utf8("a SubjectPublicKeyInfo");
const pkcs8 = Uint8Array.from({ length: 2375 }, (_, i) => i * 11);
const privateKey = headOf("kms-private");

/** Keys that the boundary wraps for others to use. */
export function exposedClaims(bench: () => Bench): void {
  it("come out as they came in, under the name of what they commit to", () => {
    const { boundary } = bench();
    for (const material of [pkcs8.slice(0, 1), pkcs8, new Uint8Array(4096).fill(7)]) {
      for (const committed of [commitment, new Uint8Array(1), new Uint8Array(4096).fill(9)]) {
        const ekt = boundary.importExposed(privateKey, committed, material);
        expect(parseEkt(ekt).meta).toEqual(metaOf("kms-private"));
        const name = createHash("sha256").update("SR1-keyname").update(keyId).update(committed).digest("hex");
        expect(parseEkt(ekt).hbkId.toHex()).toBe(name);
        expect(boundary.expose(ekt, "SIGN_VERIFY")).toEqual(material);
      }
    }
  });

  it.each([0, 4097])("have neither material nor commitment of %i bytes", (length) => {
    const wrong = new Uint8Array(length);
    expect(() => bench().boundary.importExposed(privateKey, commitment, wrong)).toThrow(RangeError);
    expect(() => bench().boundary.importExposed(privateKey, wrong, pkcs8)).toThrow(RangeError);
  });

  it("are private keys of every spec, and HMAC keys that need another hash; no other keys are", () => {
    const { boundary } = bench();
    for (const spec of keySpecs) {
      const head = headOf("kms-private", { spec });
      expect(boundary.expose(boundary.importExposed(head, commitment, pkcs8), "SIGN_VERIFY")).toEqual(pkcs8);
    }
    for (const spec of ["HMAC_224", "HMAC_384", "HMAC_512"] as const) {
      const head = headOf("kms-hmac", { spec });
      expect(boundary.expose(boundary.importExposed(head, commitment, pkcs8), "GENERATE_VERIFY_MAC")).toEqual(pkcs8);
      expect(() => boundary.generate(head, 32)).toThrow(refusal);
      expect(() => boundary.import(head, pkcs8)).toThrow(refusal);
    }
    for (const kind of ["kms-symmetric", "kms-hmac", "record", "sigv4", "audit", "import", "index"] as const) {
      expect(() => boundary.importExposed(headOf(kind), commitment, pkcs8), kind).toThrow(refusal);
    }
  });

  it("have beside them the keys that unwrap what is imported, which come out too", () => {
    const { boundary } = bench();
    const ekt = boundary.import(headOf("import"), pkcs8);
    expect(boundary.expose(ekt, "INTERNAL")).toEqual(pkcs8);
    expect(() => boundary.expose(ekt, "SIGN_VERIFY")).toThrow(refusal);
    expect(() => boundary.release(ekt)).toThrow(refusal);
  });

  it("come out for their usage alone, and no other keys do", () => {
    const { boundary } = bench();
    const ekt = boundary.importExposed(privateKey, commitment, pkcs8);
    for (const usage of ["ENCRYPT_DECRYPT", "KEY_AGREEMENT", "GENERATE_VERIFY_MAC"] as const) {
      expect(() => boundary.expose(ekt, usage)).toThrow(refusal);
    }
    for (const kind of ["kms-symmetric", "kms-hmac", "record", "sigv4"] as const) {
      const { usage } = metaOf(kind);
      expect(() => boundary.expose(boundary.generate(headOf(kind), 32), usage)).toThrow(refusal);
    }
  });

  it("come out of no token that was edited, cut or lengthened", () => {
    const { boundary } = bench();
    const ekt = boundary.importExposed(privateKey, commitment, utf8("private"));
    for (const edited of edits(ekt)) expect(() => boundary.expose(edited, "SIGN_VERIFY")).toThrow(refusal);
    for (let length = 0; length < ekt.length; length++) {
      expect(() => boundary.expose(ekt.subarray(0, length), "SIGN_VERIFY")).toThrow(refusal);
    }
    expect(() => boundary.expose(concat(ekt, Uint8Array.of(0)), "SIGN_VERIFY")).toThrow(refusal);
  });

  it("keep material and HBK id under another domain key", () => {
    const { boundary } = bench();
    const ekt = boundary.importExposed(privateKey, commitment, pkcs8);
    const moved = rewrapped(boundary, ekt, otherDomainKeyId);
    expect(parseEkt(moved).domainKeyId).toEqual(otherDomainKeyId);
    expect(parseEkt(moved).hbkId).toEqual(parseEkt(ekt).hbkId);
    expect(boundary.expose(moved, "SIGN_VERIFY")).toEqual(pkcs8);
  });

  it("leave by the transport, but come in with their commitment only", () => {
    const { engine, boundary } = bench();
    const ekt = boundary.importExposed(privateKey, commitment, pkcs8);
    expect(materialOf(engine, boundary, ekt)).toEqual(pkcs8);
    expect(() => tokenOver(engine, boundary, privateKey, parseEkt(ekt).hbkId, pkcs8)).toThrow(refusal);
  });
}

/** Keys for GenerateMac that never leave. */
export function hmacKeyClaims(bench: () => Bench): void {
  const keyOf = (usage?: "SIGN_VERIFY"): Bytes => bench().boundary.generate(headOf("kms-hmac", usage && { usage }), 32);

  it.each([0, 1, 64, 4096])("of spec HMAC_256 compute HMAC-SHA-256 of %i bytes", (length) => {
    const { engine, boundary } = bench();
    const ekt = keyOf();
    const message = new Uint8Array(length).fill(5);
    const expected = createHmac("sha256", materialOf(engine, boundary, ekt))
      .update(message)
      .digest("hex");
    expect(boundary.mac(ekt, message).toHex()).toBe(expected);
  });

  it("compute none of a key derivation, for another usage, or by another hash", () => {
    const { boundary } = bench();
    expect(() => boundary.mac(keyOf(), keyDerivation)).toThrow(refusal);
    expect(() => boundary.mac(keyOf("SIGN_VERIFY"), commitment)).toThrow(refusal);
    const other = boundary.importExposed(headOf("kms-hmac", { spec: "HMAC_512" }), commitment, pkcs8);
    expect(() => boundary.mac(other, commitment)).toThrow(refusal);
    const posing = boundary.generate(headOf("sigv4", { usage: "GENERATE_VERIFY_MAC" }), 32);
    expect(() => boundary.mac(posing, commitment)).toThrow(refusal);
  });
}
