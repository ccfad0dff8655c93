import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import type { Boundary } from "../../src/engine/boundary.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { open as openReference } from "../../src/engine/node/engine.ts";
import { ciphertextClaims, interoperationClaims, suiteClaims } from "./boundary-ciphertexts.ts";
import { exposedClaims, hmacKeyClaims } from "./boundary-exposed.ts";
import {
  aad,
  domainKeyId,
  fault,
  headOf,
  keyDerivation,
  materialOf,
  otherDomainKeyId,
  ready,
  refusal,
  rewrapped,
  root,
  symmetricKey,
} from "./boundary-fixture.ts";
import { tokenClaims, transportClaims } from "./boundary-tokens.ts";

/** A boundary, its engine, and the reference to compare with. */
export interface Bench {
  readonly engine: Engine;
  readonly boundary: Boundary;
  readonly reference: Engine;
}

/** What the boundary of every engine must do. */
export function boundaryConformance(name: string, open: () => Promise<Engine>): void {
  describe(name, () => {
    let opened: Bench;
    const bench = () => opened;
    beforeAll(async () => {
      const engine = await open();
      opened = { engine, boundary: ready(engine), reference: await openReference() };
    });
    afterAll(() => opened.boundary.close());

    describe("domain keys", () => domainKeyClaims(bench));
    describe("key tokens", () => tokenClaims(bench));
    describe("transport", () => transportClaims(bench));
    describe("ciphertexts of AES-256", () => ciphertextClaims(bench, "SYMMETRIC_DEFAULT"));
    describe("ciphertexts of SM4", () => ciphertextClaims(bench, "SM4"));
    describe("ciphertexts of either suite", () => suiteClaims(bench));
    describe("with the reference", () => interoperationClaims(bench));
    describe("MACs", () => macClaims(bench));
    describe("HMAC keys", () => hmacKeyClaims(bench));
    describe("keys that are exposed", () => exposedClaims(bench));
    describe("random octets", () => randomClaims(bench));
    describe("once closed", () => closedClaims(bench));
  });
}

function domainKeyClaims(bench: () => Bench): void {
  it("come back from where they rest", () => {
    const { engine, boundary } = bench();
    const ekt = symmetricKey(boundary);
    const sealed = boundary.sealDomainKey(domainKeyId);
    expect(sealed).toHaveLength(60);

    const restarted = engine.boundary();
    restarted.setRoot(root);
    expect(() => restarted.encrypt(ekt, aad, aad)).toThrow(refusal);
    expect(restarted.openDomainKey(domainKeyId, sealed)).toBe(true);
    expect(restarted.decrypt(ekt, aad, boundary.encrypt(ekt, aad, utf8("text")))).toEqual(utf8("text"));
    restarted.close();
  });

  it("do not come back edited, under another id, or under another root", () => {
    const { engine, boundary } = bench();
    const sealed = boundary.sealDomainKey(domainKeyId);
    const restarted = engine.boundary();
    restarted.setRoot(root);
    for (let i = 0; i < sealed.length; i++) {
      expect(restarted.openDomainKey(domainKeyId, sealed.with(i, (sealed[i] as number) ^ 0x40))).toBe(false);
    }
    expect(restarted.openDomainKey(otherDomainKeyId, sealed)).toBe(false);
    for (const length of [0, 28, 59])
      expect(restarted.openDomainKey(domainKeyId, sealed.subarray(0, length))).toBe(false);
    restarted.close();

    const stranger = engine.boundary();
    stranger.setRoot(root.with(0, (root[0] as number) ^ 1));
    expect(stranger.openDomainKey(domainKeyId, sealed)).toBe(false);
    stranger.close();
  });

  it("are sealed with a fresh IV each time", () => {
    const sealed = Array.from({ length: 20 }, () => bench().boundary.sealDomainKey(domainKeyId).toHex().slice(0, 24));
    expect(new Set(sealed).size).toBe(20);
  });

  it("are gone when dropped, and nothing else is", () => {
    const boundary = ready(bench().engine);
    const ekt = symmetricKey(boundary);
    const other = boundary.generate(headOf("kms-symmetric", {}, otherDomainKeyId), 32);
    boundary.dropDomainKey(domainKeyId);
    boundary.dropDomainKey(new Uint8Array(16));
    expect(() => boundary.encrypt(ekt, aad, aad)).toThrow(refusal);
    expect(() => boundary.sealDomainKey(domainKeyId)).toThrow(refusal);
    expect(boundary.encrypt(other, aad, aad)).toHaveLength(78 + aad.length);
    boundary.close();
  });

  it("are 32 at most; a dropped one makes room", () => {
    const boundary = bench().engine.boundary();
    boundary.setRoot(root);
    const idOf = (i: number) => new Uint8Array(16).fill(i);
    for (let i = 0; i < 32; i++) boundary.generateDomainKey(idOf(i));
    const sealed = boundary.sealDomainKey(idOf(31));
    expect(() => boundary.generateDomainKey(idOf(32))).toThrow(fault);
    boundary.dropDomainKey(idOf(31));
    boundary.generateDomainKey(idOf(32));
    expect(() => boundary.openDomainKey(idOf(31), sealed)).toThrow(fault);
    boundary.close();
  });

  it("need a root, which is set once", () => {
    const boundary = bench().engine.boundary();
    boundary.generateDomainKey(domainKeyId);
    expect(() => boundary.sealDomainKey(domainKeyId)).toThrow(fault);
    expect(() => boundary.openDomainKey(domainKeyId, new Uint8Array(60))).toThrow(fault);
    boundary.setRoot(root);
    expect(() => boundary.setRoot(root)).toThrow(fault);
    boundary.close();
  });

  it("have ids of 16 bytes, the root has 32", () => {
    const { boundary } = bench();
    for (const id of [new Uint8Array(15), new Uint8Array(17)]) {
      expect(() => boundary.generateDomainKey(id)).toThrow(RangeError);
    }
    const fresh = bench().engine.boundary();
    expect(() => fresh.setRoot(new Uint8Array(31))).toThrow(RangeError);
    fresh.close();
  });
}

function macClaims(bench: () => Bench): void {
  it.each([0, 1, 55, 63, 64, 65, 1000, 100_000])("of %i bytes are HMAC-SHA-256 by the material", (length) => {
    const { engine, boundary } = bench();
    const ekt = boundary.import(headOf("sigv4"), utf8("AWS4a secret"));
    const message = new Uint8Array(length).fill(length);
    expect(boundary.mac(ekt, message)).toEqual(engine.hmacSha256(utf8("AWS4a secret"), message));
  });

  it("are the same after a rewrap", () => {
    const { engine, boundary } = bench();
    const ekt = boundary.generate(headOf("sigv4"), 48);
    const mac = engine.hmacSha256(materialOf(engine, boundary, ekt), aad);
    expect(boundary.mac(rewrapped(boundary, ekt, otherDomainKeyId), aad)).toEqual(mac);
  });

  it("are refused for what could be a key derivation elsewhere", () => {
    const { boundary } = bench();
    const ekt = boundary.import(headOf("sigv4"), utf8("AWS4a secret"));
    expect(() => boundary.mac(ekt, keyDerivation)).toThrow(refusal);
    expect(() => boundary.mac(ekt, new Uint8Array([...keyDerivation, 1, 2, 3]))).toThrow(refusal);
    expect(() => boundary.mac(ekt, new Uint8Array([...keyDerivation, ...new Uint8Array(100_000)]))).toThrow(refusal);
    expect(boundary.mac(ekt, keyDerivation.subarray(0, 7))).toHaveLength(32);
    expect(boundary.mac(ekt, keyDerivation.subarray(1))).toHaveLength(32);
  });
}

function randomClaims(bench: () => Bench): void {
  it.each([1, 12, 16, 32, 1000, 1024])("come %i at a time and do not repeat", (length) => {
    const drawn = Array.from({ length: 50 }, () => bench().boundary.random(length));
    for (const octets of drawn) expect(octets).toHaveLength(length);
    if (length >= 12) expect(new Set(drawn.map((octets) => octets.toHex())).size).toBe(50);
  });

  it("differ between boundaries", () => {
    const other = bench().engine.boundary();
    expect(other.random(32)).not.toEqual(bench().boundary.random(32));
    other.close();
  });

  it.each([0, 1025, 1.5])("are not given %d at a time", (length) => {
    expect(() => bench().boundary.random(length)).toThrow(RangeError);
  });
}

function closedClaims(bench: () => Bench): void {
  it("every call throws, and closing again does not", () => {
    const boundary = ready(bench().engine);
    const ekt = symmetricKey(boundary);
    const head = headOf("kms-symmetric");
    const sealed = boundary.sealDomainKey(domainKeyId);
    const transportKey = new Uint8Array(32);
    const wrapped = boundary.wrapFor(ekt, transportKey);
    boundary.close();
    boundary.close();
    const calls: readonly (() => unknown)[] = [
      () => boundary.setRoot(root),
      () => boundary.generateDomainKey(domainKeyId),
      () => boundary.sealDomainKey(domainKeyId),
      () => boundary.openDomainKey(domainKeyId, sealed),
      () => boundary.dropDomainKey(domainKeyId),
      () => boundary.generate(head, 32),
      () => boundary.import(headOf("record"), aad),
      () => boundary.importExposed(headOf("kms-private"), aad, aad),
      () => boundary.expose(ekt, "SIGN_VERIFY"),
      () => rewrapped(boundary, ekt, domainKeyId),
      () => boundary.release(ekt),
      () => boundary.encrypt(ekt, aad, aad),
      () => boundary.decrypt(ekt, aad, new Uint8Array(100)),
      () => boundary.generateDataKey(ekt, aad, 32, "both"),
      () => boundary.reEncrypt({ ekt, aad, ciphertext: new Uint8Array(100) }, { ekt, aad }),
      () => boundary.mac(ekt, aad),
      () => boundary.wrapFor(ekt, transportKey),
      () => boundary.unwrapFrom(head, new Uint8Array(32), transportKey, wrapped),
      () => boundary.random(1),
    ];
    for (const call of calls) expect(call).toThrow(fault);
  });
}
