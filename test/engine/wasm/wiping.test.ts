import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../../src/base/bytes.ts";
import type { Boundary } from "../../../src/engine/boundary.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { WasmBoundary } from "../../../src/engine/wasm/boundary.ts";
import { Core } from "../../../src/engine/wasm/core.ts";
import { openWith } from "../../../src/engine/wasm/engine.ts";
import { builds, compileBuild } from "../../../src/engine/wasm/module.ts";
import {
  aad,
  domainKeyId,
  hbkIdOf,
  headOf,
  materialOf,
  otherDomainKeyId,
  rewrapped,
  root,
  symmetricKey,
} from "../../conformance/boundary-fixture.ts";

/**
 * After a call the linear memory is what it was before, but for what is public. So no scratch can be forgotten, round
 * keys, powers of H and message schedules in whatever form included.
 */
describe.each(builds)("after a call, the %s module", (build) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await compileBuild(build);
  });

  describe("of an engine", () => {
    const key = random(32);
    const iv = random(12);
    const plaintext = random(3000);
    const calls: readonly [string, (engine: Engine) => unknown][] = [
      ["sha256", (engine) => engine.sha256(plaintext)],
      ["hmacSha256", (engine) => engine.hmacSha256(key, plaintext)],
      ["hmacSha256 by a long key", (engine) => engine.hmacSha256(plaintext, plaintext)],
      ["kbkdf", (engine) => engine.kbkdf(key, plaintext.subarray(0, 48))],
      ["gcmSeal of little", (engine) => engine.gcmSeal(key, iv, aad, plaintext.subarray(0, 7))],
      ["gcmSeal", (engine) => engine.gcmSeal(key, iv, aad, plaintext)],
      ["gcmSeal of much", (engine) => engine.gcmSeal(key, iv, aad, random(150_000))],
      ["gcmOpen", (engine) => engine.gcmOpen(key, iv, aad, engine.gcmSeal(key, iv, aad, plaintext))],
      ["gcmOpen of a forgery", (engine) => engine.gcmOpen(key, iv, aad, random(300))],
      ...[0, 1, 7, 16, 64, 65, 250, 3000, 150_000].map((length): [string, (engine: Engine) => unknown] => [
        `SM4-GCM of ${length}`,
        (engine) => sealSm4(engine, length),
      ]),
      ["SM4-GCM of a forgery", (engine) => engine.sm4?.open(key.subarray(0, 16), iv, aad, random(300))],
      ["a deriver, closed", (engine) => derive(engine, plaintext).close()],
      ["kwpWrap", (engine) => engine.kwpWrap(key, plaintext)],
      ["kwpUnwrap", (engine) => engine.kwpUnwrap(key, engine.kwpWrap(key, plaintext))],
      ["kwpUnwrap of a forgery", (engine) => engine.kwpUnwrap(key, plaintext.subarray(0, 80))],
      ["equal", (engine) => engine.equal(plaintext, plaintext)],
    ];

    it.each([9, 300, 3000, 150_000])("keeps of a deriver its 64 bytes alone, after %i of plaintext", (length) => {
      const core = new Core(module);
      const engine = openWith(module, core);
      const before = core.memory.slice();
      const deriver = derive(engine, random(length));
      const { IV, DATA, AAD, TAG, FIXED } = core.at;
      const open = [
        [IV, 16],
        [TAG, 16],
        [DATA, 3100],
        [AAD, 300],
        [FIXED - 4, 52],
      ] as const;
      const kept = changed(before, core.memory, open).map((address) => Number.parseInt(address, 16));
      expect(kept.length).toBeGreaterThan(32);
      expect(Math.max(...kept) - Math.min(...kept)).toBeLessThan(64);
      expect(holds(core.memory, engine.kbkdf(key, fixedInput))).toBe(false);
      deriver.close();
      expect(changed(before, core.memory, open)).toEqual([]);
    });

    const sealSm4 = (engine: Engine, length: number) =>
      engine.sm4?.seal(key.subarray(0, 16), iv, aad, length > 3000 ? random(length) : plaintext.subarray(0, length));
    const fixedInput = random(48);
    function derive(engine: Engine, plaintext: Bytes) {
      const deriver = engine.deriver(key);
      const sealed = deriver.seal(fixedInput, iv, aad, plaintext);
      deriver.open(fixedInput, iv, aad, sealed);
      deriver.open(fixedInput, iv, utf8("?"), sealed);
      const four = new Array(4).fill({ fixedInput, iv, aad, text: plaintext });
      deriver.openEach(deriver.sealEach(four).map((text) => ({ fixedInput, iv, aad, text })));
      return deriver;
    }

    it.each(calls)("has forgotten %s", (_, call) => {
      const core = new Core(module);
      const engine = openWith(module, core);
      const before = core.memory.slice();
      call(engine);
      const { IV, TAG, DATA, AAD, FIXED } = core.at;
      // IV; tag or digest compared with; what kwpWrap and gcmSeal made; additional data; counter and fixed input of KBKDF
      const open = [
        [IV, 16],
        [TAG, 32],
        [DATA, 3100],
        [AAD, 300],
        [FIXED - 4, 52],
      ] as const;
      expect(changed(before, core.memory, open)).toEqual([]);
      for (const secret of [key, key.subarray(0, 16)]) expect(holds(core.memory, secret)).toBe(false);
      expect(holds(core.memory, plaintext)).toBe(false);
    });
  });

  describe("of a boundary", () => {
    const plaintext = random(600);
    const transportKey = random(32);
    const refusing = (call: () => unknown) => () => expect(call).toThrow();
    const calls: readonly [string, (boundary: Boundary, ekt: Bytes) => unknown][] = [
      ["generate", (boundary) => boundary.generate(headOf("record"), 64)],
      ["import", (boundary) => boundary.import(headOf("sigv4"), plaintext)],
      ["import, refused", (boundary) => refusing(() => boundary.import(headOf("kms-symmetric"), plaintext))()],
      ["rewrap", (boundary, ekt) => rewrapped(boundary, ekt, otherDomainKeyId)],
      ["rewrap, refused", (boundary, ekt) => refusing(() => rewrapped(boundary, ekt, random(16)))()],
      ["release", (boundary) => boundary.release(boundary.import(headOf("index"), plaintext))],
      ["release, refused", (boundary, ekt) => refusing(() => boundary.release(ekt))()],
      ["encrypt", (boundary, ekt) => boundary.encrypt(ekt, aad, plaintext)],
      ["encrypt, refused", (boundary, ekt) => refusing(() => boundary.encrypt(edited(ekt), aad, plaintext))()],
      ["decrypt", (boundary, ekt) => boundary.decrypt(ekt, aad, boundary.encrypt(ekt, aad, plaintext))],
      [
        "decrypt of a forgery",
        (boundary, ekt) => boundary.decrypt(ekt, utf8("?"), boundary.encrypt(ekt, aad, plaintext)),
      ],
      ["decrypt of another's", (boundary, ekt) => boundary.decrypt(ekt, aad, random(200))],
      ["encrypt by SM4", (boundary) => boundary.encrypt(symmetricKey(boundary, "SM4"), aad, plaintext)],
      ["re-encryption from SM4", (boundary, ekt) => reEncrypt(boundary, symmetricKey(boundary, "SM4"), ekt)],
      ["generateDataKey", (boundary, ekt) => boundary.generateDataKey(ekt, aad, 600, "both")],
      ["generateDataKey, hidden", (boundary, ekt) => boundary.generateDataKey(ekt, aad, 600, "ciphertext")],
      ["reEncrypt", (boundary, ekt) => reEncrypt(boundary, ekt, symmetricKey(boundary))],
      ["reEncrypt, refused", (boundary, ekt) => refusing(() => reEncrypt(boundary, ekt, edited(ekt)))()],
      ["mac", (boundary) => boundary.mac(boundary.import(headOf("sigv4"), plaintext), plaintext)],
      ["importExposed", (boundary) => boundary.importExposed(headOf("kms-private"), aad, plaintext)],
      [
        "importExposed, refused",
        (boundary) => refusing(() => boundary.importExposed(headOf("record"), aad, plaintext))(),
      ],
      ["expose", (boundary) => boundary.expose(exposedKey(boundary), "SIGN_VERIFY")],
      ["expose, refused", (boundary) => refusing(() => boundary.expose(exposedKey(boundary), "KEY_AGREEMENT"))()],
      ["rewrap of an exposed key", (boundary) => rewrapped(boundary, exposedKey(boundary), otherDomainKeyId)],
      ["wrapFor", (boundary, ekt) => boundary.wrapFor(ekt, transportKey)],
      ["unwrapFrom", (boundary, ekt) => carry(boundary, ekt, hbkIdOf(ekt))],
      ["unwrapFrom, refused", (boundary, ekt) => refusing(() => carry(boundary, ekt, random(32)))()],
      ["random", (boundary) => boundary.random(1000)],
      ["sealDomainKey", (boundary) => boundary.sealDomainKey(domainKeyId)],
      ["openDomainKey", (boundary) => boundary.openDomainKey(domainKeyId, boundary.sealDomainKey(domainKeyId))],
      ["openDomainKey of a forgery", (boundary) => boundary.openDomainKey(domainKeyId, random(60))],
    ];

    const edited = (ekt: Bytes) => ekt.with(80, (ekt[80] as number) ^ 1);
    const exposedKey = (boundary: Boundary) => boundary.importExposed(headOf("kms-private"), aad, plaintext);
    const reEncrypt = (boundary: Boundary, from: Bytes, to: Bytes) =>
      boundary.reEncrypt({ ekt: from, aad, ciphertext: boundary.encrypt(from, aad, plaintext) }, { ekt: to, aad });
    const carry = (boundary: Boundary, ekt: Bytes, hbkId: Bytes) =>
      boundary.unwrapFrom(headOf("kms-symmetric"), hbkId, transportKey, boundary.wrapFor(ekt, transportKey));

    it.each(calls)("has forgotten %s", (_, call) => {
      const { core, boundary } = open();
      const ekt = symmetricKey(boundary);
      const material = materialOf(openWith(module), boundary, ekt);
      const before = core.memory.slice();
      call(boundary, ekt);
      const { ID, DATA, TAG } = core.at;
      const windows = [
        [ID, 16],
        [TAG, 32],
        [core.at.TOKEN, 0x10000 - 0x1000],
        [DATA - 62, 62 + 4096],
      ] as const;
      // Key and V of the DRBG move on; FIXED_INPUT, HBK_NAME and the first of RANDOM hold labels, names, N and IV.
      const inside = [
        [0x6000, 48],
        [0x6800, 48],
        [0x6860, 32],
        [0x6880, 28],
        [core.at.FIXED - 4, 4],
      ] as const;
      expect(changed(before, core.memory, [...windows, ...inside])).toEqual([]);
      for (const secret of [material, plaintext, transportKey]) expect(holds(core.memory, secret)).toBe(false);
      boundary.close();
    });

    it("holds nothing but tables once closed", () => {
      const { core, boundary } = open();
      boundary.encrypt(symmetricKey(boundary), aad, plaintext);
      boundary.close();
      expect(changed(new Core(module).memory, core.memory, [])).toEqual([]);
    });

    it("holds no dropped domain key", () => {
      const { core, boundary } = open();
      const before = core.memory.slice();
      const id = random(16);
      boundary.generateDomainKey(id);
      boundary.dropDomainKey(id);
      expect(
        changed(before, core.memory, [
          [core.at.ID, 16],
          [0x6000, 48],
        ]),
      ).toEqual([]);
      boundary.close();
    });

    function open() {
      const core = new Core(module);
      const boundary = new WasmBoundary(core);
      boundary.setRoot(root);
      boundary.generateDomainKey(domainKeyId);
      boundary.generateDomainKey(otherDomainKeyId);
      return { core, boundary };
    }
  });
});

const random = (length: number): Bytes => new Uint8Array(randomBytes(length));

/** Addresses outside the `except`ed regions whose octet is another now. */
function changed(
  before: Bytes,
  after: Bytes,
  except: readonly (readonly [address: number, length: number])[],
): string[] {
  const image = after.slice();
  for (const [address, length] of except) image.set(before.subarray(address, address + length), address);
  return Array.from(image.keys())
    .filter((address) => image[address] !== before[address])
    .map((address) => address.toString(16));
}

/** Whether any eight octets of `secret`, on a boundary of eight, are anywhere in `memory`. */
function holds(memory: Bytes, secret: Bytes): boolean {
  const image = Buffer.from(memory.buffer);
  for (let offset = 0; offset + 8 <= secret.length; offset += 8) {
    if (image.includes(secret.subarray(offset, offset + 8))) return true;
  }
  return false;
}
