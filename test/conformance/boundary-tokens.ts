import { createHash, createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { type Bytes, concat, utf8 } from "../../src/base/bytes.ts";
import { ektHead, ektSuites, parseEkt } from "../../src/model/ekt.ts";
import type { HbkKind, HbkMeta } from "../../src/model/hbk.ts";
import { kbkdfFixedInput, noNonce } from "../../src/model/kbkdf.ts";
import type { Bench } from "./boundary.ts";
import {
  aad,
  domainKeyId,
  hbkIdOf,
  headOf,
  keyId,
  kinds,
  materialOf,
  metaOf,
  otherDomainKeyId,
  refusal,
  rewrapped,
  symmetricKey,
  tokenOver,
} from "./boundary-fixture.ts";
import { edits } from "./engine.ts";

const held = kinds.filter((kind) => kind !== "kms-private");

export function tokenClaims(bench: () => Bench): void {
  it.each(held)("of kind %s carry their metadata and name their material", (kind) => {
    const { engine, boundary } = bench();
    const ekt = boundary.generate(headOf(kind), 32);
    const parsed = parseEkt(ekt);
    expect(parsed.meta).toEqual(metaOf(kind));
    expect(parsed.head).toEqual(headOf(kind));
    expect(parsed.hbkId.toHex()).toBe(nameOf(kind, materialOf(engine, boundary, ekt)));
  });

  it.each([16, 17, 32, 64])("are generated over %i fresh bytes", (length) => {
    const { engine, boundary } = bench();
    const materials = Array.from({ length: 5 }, () => {
      const ekt = boundary.generate(headOf("kms-hmac"), length);
      return materialOf(engine, boundary, ekt).toHex();
    });
    expect(materials[0]).toHaveLength(length * 2);
    expect(new Set(materials).size).toBe(5);
  });

  it.each([0, 15, 65, 20.5])("are not generated over %d bytes", (length) => {
    expect(() => bench().boundary.generate(headOf("kms-symmetric"), length)).toThrow(RangeError);
  });

  it.each(["kms-hmac", "record", "sigv4", "audit", "import", "index"] as const)("of kind %s are imported", (kind) => {
    const { engine, boundary } = bench();
    for (const length of [1, 31, 64, 65, 4096]) {
      const material = new Uint8Array(length).fill(length);
      const ekt = boundary.import(headOf(kind), material);
      expect(hbkIdOf(ekt).toHex()).toBe(nameOf(kind, material));
      expect(materialOf(engine, boundary, ekt)).toEqual(material);
    }
    for (const length of [0, 4097]) {
      expect(() => boundary.import(headOf(kind), new Uint8Array(length))).toThrow(RangeError);
    }
  });

  it("of symmetric and private KMS keys are not imported, of private keys not generated", () => {
    const { boundary } = bench();
    expect(() => boundary.import(headOf("kms-symmetric"), new Uint8Array(32))).toThrow(refusal);
    expect(() => boundary.import(headOf("kms-private"), new Uint8Array(32))).toThrow(refusal);
    expect(() => boundary.generate(headOf("kms-private"), 32)).toThrow(refusal);
  });

  it("of symmetric KMS keys are imported where they say so", () => {
    const { engine, boundary } = bench();
    const head = headOf("kms-symmetric", { origin: "EXTERNAL" });
    const material = new Uint8Array(32).fill(7);
    const ekt = boundary.import(head, material);
    expect(parseEkt(ekt).head).toEqual(head);
    expect(hbkIdOf(ekt).toHex()).toBe(nameOf("kms-symmetric", material));
    expect(materialOf(engine, boundary, ekt)).toEqual(material);
    expect(boundary.decrypt(ekt, aad, boundary.encrypt(ekt, aad, utf8("text")))).toEqual(utf8("text"));
  });

  it("need a whole head, of this suite, under a domain key that is present", () => {
    const { boundary } = bench();
    const head = headOf("kms-symmetric");
    const kwp = ektHead(ektSuites.kwp, domainKeyId, undefined, metaOf("kms-symmetric"));
    const unknown = headOf("kms-symmetric", {}, new Uint8Array(16));
    const broken = [
      head.subarray(0, -1),
      concat(head, Uint8Array.of(0)),
      kwp,
      unknown,
      head.with(0, 2),
      head.with(34, 9),
    ];
    for (const wrong of broken) expect(() => boundary.generate(wrong, 32)).toThrow(refusal);
    for (let length = 0; length < head.length; length++) {
      expect(() => boundary.generate(head.subarray(0, length), 32)).toThrow(refusal);
    }
  });

  it("open with none of their bits flipped, none of their octets missing, none added", () => {
    const { boundary } = bench();
    const ekt = boundary.generate(headOf("record"), 32);
    expect(boundary.release(ekt)).toHaveLength(32);
    for (const edited of edits(ekt)) expect(() => boundary.release(edited)).toThrow(refusal);
    for (let length = 0; length < ekt.length; length++) {
      expect(() => boundary.release(ekt.subarray(0, length))).toThrow(refusal);
    }
    expect(() => boundary.release(concat(ekt, Uint8Array.of(0)))).toThrow(refusal);
    expect(() => boundary.release(new Uint8Array(10_000))).toThrow(refusal);
  });

  it("take long and empty names", () => {
    const { boundary } = bench();
    for (const name of ["", "a", "r".repeat(255)]) {
      const ekt = boundary.generate(headOf("record", { account: name, region: name }), 32);
      expect(parseEkt(ekt).meta.region).toBe(name);
      expect(boundary.release(ekt)).toHaveLength(32);
    }
  });

  it.each(kinds)("of kind %s serve only the calls of that kind and usage", (kind) => {
    const { boundary } = bench();
    const serves: Partial<Record<HbkKind, readonly string[]>> = {
      "kms-symmetric": ["encrypt", "decrypt", "generateDataKey", "reEncrypt from", "reEncrypt to"],
      sigv4: ["mac"],
      "kms-hmac": ["mac"],
      record: ["release"],
      index: ["release"],
    };
    if (kind === "kms-private") return expect(() => boundary.generate(headOf(kind), 32)).toThrow(refusal);
    expect(servedCalls(bench(), boundary.generate(headOf(kind), 32))).toEqual(serves[kind] ?? []);
    const usage = kind === "kms-symmetric" ? "INTERNAL" : "ENCRYPT_DECRYPT";
    expect(servedCalls(bench(), boundary.generate(headOf(kind, { usage }), 32))).toEqual([]);
  });

  it("keep material and HBK id under another domain key", () => {
    const { engine, boundary } = bench();
    for (const kind of held) {
      const ekt = boundary.generate(headOf(kind), 48);
      const moved = rewrapped(boundary, ekt, otherDomainKeyId);
      const [before, after] = [parseEkt(ekt), parseEkt(moved)];
      expect(after.domainKeyId).toEqual(otherDomainKeyId);
      expect([after.meta, after.hbkId]).toEqual([before.meta, before.hbkId]);
      expect(after.wrapped).not.toEqual(before.wrapped);
      expect(materialOf(engine, boundary, moved)).toEqual(materialOf(engine, boundary, ekt));
    }
  });

  it("are not rewrapped when edited, or under a domain key that is not present", () => {
    const { boundary } = bench();
    const ekt = symmetricKey(boundary);
    const edited = ekt.with(80, (ekt[80] as number) ^ 1);
    expect(() => rewrapped(boundary, ekt, new Uint8Array(16))).toThrow(refusal);
    expect(() => boundary.rewrap(edited, headOf("kms-symmetric"))).toThrow(refusal);
    for (const head of [new Uint8Array(), headOf("kms-symmetric").subarray(1), concat(headOf("index"), aad)]) {
      expect(() => boundary.rewrap(ekt, head)).toThrow(refusal);
    }
  });

  it("keep material and HBK id in another region, and change nothing else of what they say", () => {
    const { engine, boundary } = bench();
    for (const kind of held) {
      const ekt = boundary.generate(headOf(kind), 48);
      for (const region of ["", "us-east-1", "a".repeat(255)]) {
        const moved = rewrapped(boundary, ekt, otherDomainKeyId, { region });
        expect(parseEkt(moved).meta).toEqual(metaOf(kind, { region }));
        expect(parseEkt(moved).hbkId).toEqual(parseEkt(ekt).hbkId);
        expect(materialOf(engine, boundary, moved)).toEqual(materialOf(engine, boundary, ekt));
      }
      const others: readonly Partial<HbkMeta>[] = [
        { kind: kind === "record" ? "index" : "record" },
        { spec: "HMAC_512" },
        { usage: "SIGN_VERIFY" },
        { origin: "EXTERNAL" },
        { account: "111122223334" },
        { account: "" },
        { keyId: keyId.with(15, 0) },
      ];
      for (const edits of others) expect(() => rewrapped(boundary, ekt, domainKeyId, edits)).toThrow(refusal);
    }
  });

  it("release a copy to their caller, in memory of its own", () => {
    const { boundary } = bench();
    const ekt = boundary.import(headOf("index"), utf8("an index key"));
    const released = boundary.release(ekt);
    expect(released.buffer.byteLength).toBe(released.length);
    released.fill(0);
    expect(boundary.release(ekt)).toEqual(utf8("an index key"));
  });
}

export function transportClaims(bench: () => Bench): void {
  const transportKey = new Uint8Array(32).fill(0x55);

  it.each(held)("carries %s keys from one boundary to another", (kind) => {
    const { engine, boundary, reference } = bench();
    const ekt = boundary.generate(headOf(kind), 32);
    const wrapped = boundary.wrapFor(ekt, transportKey);
    expect(reference.kwpUnwrap(transportKey, wrapped)).toEqual(materialOf(engine, boundary, ekt));
    const target = boundary.unwrapFrom(headOf(kind, {}, otherDomainKeyId), hbkIdOf(ekt), transportKey, wrapped);
    expect(hbkIdOf(target)).toEqual(hbkIdOf(ekt));
    expect(materialOf(engine, boundary, target)).toEqual(materialOf(engine, boundary, ekt));
  });

  it("refuses another name, another key id, another transport key and edited octets", () => {
    const { boundary } = bench();
    const ekt = symmetricKey(boundary);
    const head = headOf("kms-symmetric");
    const wrapped = boundary.wrapFor(ekt, transportKey);
    const id = hbkIdOf(ekt);
    expect(() => boundary.unwrapFrom(head, id.with(0, (id[0] as number) ^ 1), transportKey, wrapped)).toThrow(refusal);
    expect(() => boundary.unwrapFrom(head, id, transportKey.with(0, (transportKey[0] as number) ^ 1), wrapped)).toThrow(
      refusal,
    );
    const otherHead = headOf("kms-symmetric", { keyId: keyId.with(0, 9) });
    expect(() => boundary.unwrapFrom(otherHead, id, transportKey, wrapped)).toThrow(refusal);
    expect(() => boundary.unwrapFrom(head.subarray(1), id, transportKey, wrapped)).toThrow(refusal);
    for (const edited of edits(wrapped)) {
      expect(() => boundary.unwrapFrom(head, id, transportKey, edited)).toThrow(refusal);
    }
    for (const length of [0, 8, 15, 24]) {
      expect(() => boundary.unwrapFrom(head, id, transportKey, wrapped.subarray(0, length))).toThrow(refusal);
    }
    expect(hbkIdOf(boundary.unwrapFrom(head, id, transportKey, wrapped))).toEqual(id);
  });

  it("carries 1 to 4,096 bytes, under keys of 32", () => {
    const { engine, boundary } = bench();
    for (const length of [1, 7, 8, 9, 4095, 4096]) {
      const material = new Uint8Array(length).fill(3);
      const ekt = boundary.import(headOf("import"), material);
      const wrapped = boundary.wrapFor(ekt, transportKey);
      const target = boundary.unwrapFrom(headOf("import"), hbkIdOf(ekt), transportKey, wrapped);
      expect(materialOf(engine, boundary, target)).toEqual(material);
    }
    expect(() => boundary.wrapFor(symmetricKey(boundary), new Uint8Array(16))).toThrow(RangeError);
  });

  it("brings no private keys", () => {
    const { engine, boundary } = bench();
    const bring = () => tokenOver(engine, boundary, headOf("kms-private"), new Uint8Array(32), aad);
    expect(bring).toThrow(refusal);
  });
}

/** HBK ids as SECURITY.md pins them. */
function nameOf(kind: HbkKind, material: Bytes): string {
  if (kind === "kms-hmac" || kind === "sigv4") {
    const mac = createHmac("sha256", material).update(new Uint8Array(4097)).digest();
    return createHash("sha256").update("SR1-keyname").update(keyId).update(mac).digest("hex");
  }
  const fixedInput = kbkdfFixedInput("SR1-keyname", keyId, noNonce);
  return createHmac("sha256", material)
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(fixedInput)
    .digest("hex");
}

/** The names of the calls that do not refuse the token. */
function servedCalls({ boundary }: Bench, ekt: Bytes): string[] {
  const own = symmetricKey(boundary);
  const ciphertext = boundary.encrypt(own, aad, aad);
  const calls: Readonly<Record<string, () => unknown>> = {
    encrypt: () => boundary.encrypt(ekt, aad, aad),
    decrypt: () => boundary.decrypt(ekt, aad, ciphertext),
    generateDataKey: () => boundary.generateDataKey(ekt, aad, 32, "both"),
    "reEncrypt from": () => boundary.reEncrypt({ ekt, aad, ciphertext }, { ekt: own, aad }),
    "reEncrypt to": () => boundary.reEncrypt({ ekt: own, aad, ciphertext }, { ekt, aad }),
    mac: () => boundary.mac(ekt, aad),
    release: () => boundary.release(ekt),
  };
  return Object.keys(calls).filter((name) => {
    try {
      calls[name]?.();
      return true;
    } catch (error) {
      expect(error).toEqual(refusal);
      return false;
    }
  });
}
