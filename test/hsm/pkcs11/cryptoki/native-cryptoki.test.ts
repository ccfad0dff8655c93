import { readFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../../src/base/bytes.ts";
import { load } from "../../../../src/engine/native/addon.ts";
import type { Attributes } from "../../../../src/hsm/pkcs11/cryptoki/attributes.ts";
import { Cryptoki, type Handle } from "../../../../src/hsm/pkcs11/cryptoki/cryptoki.ts";
import { NativeCryptoki } from "../../../../src/hsm/pkcs11/cryptoki/native-cryptoki.ts";
import { moving, noUse, used } from "../../../../src/hsm/pkcs11/keys/wrapping.ts";
import { trustedModule } from "../../../../src/hsm/pkcs11/module-file.ts";
import { softHsm2 } from "../../../../src/hsm/pkcs11/provision.ts";
import { openReader } from "../../../engine/native/reader.ts";
import { softTokens } from "../tokens.ts";

const token = softTokens();
const kwp = { mechanism: pkcs11js.CKM_AES_KEY_WRAP_PAD };
const aesKeyGen = { mechanism: pkcs11js.CKM_AES_KEY_GEN };
const guarded: Attributes = {
  class: pkcs11js.CKO_SECRET_KEY,
  keyType: pkcs11js.CKK_AES,
  token: false,
  private: true,
  ...noUse,
  wrap: true,
  unwrap: true,
  sensitive: true,
  extractable: false,
  unwrapTemplate: { sensitive: true, extractable: false },
};
let cryptoki: Cryptoki;
let native: NativeCryptoki;
let session: Handle;
/** Held, so that it is not unloaded. */
const module = new pkcs11js.PKCS11();

beforeAll(async () => {
  const config = await token();
  process.env["SOFTHSM2_CONF"] = config.environment?.["SOFTHSM2_CONF"];
  const path = trustedModule(softHsm2());
  cryptoki = Cryptoki.open(path, { label: "kms" }, readFileSync(join(config.folder, "pin")));
  native = NativeCryptoki.of(path) as NativeCryptoki;
  module.load(path);
  const flags = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
  session = module.C_OpenSession(module.C_GetSlotList(true)[0] as Handle, flags);
});
afterAll(() => cryptoki.close());

const newKey = () => cryptoki.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, { ...moving, valueLen: 32 });

describe("beside pkcs11js, on the module that it has loaded", () => {
  it("an unwrapping key has a template, and unwraps no key that differs from it", () => {
    const kek = native.generateKey(session, aesKeyGen, { ...guarded, valueLen: 32 });
    const wrapped = cryptoki.wrap(kwp, kek, newKey());
    for (const attributes of [moving, { ...used, sensitive: false }]) {
      expect(() => cryptoki.unwrap(kwp, kek, wrapped, attributes)).toThrow(/CKR_TEMPLATE_INCONSISTENT/);
      expect(() => native.unwrap(session, kwp, kek, wrapped, attributes)).toThrow(/CKR_TEMPLATE_INCONSISTENT/);
    }
    const mac = (key: Handle) => cryptoki.hmac(key, utf8("message"));
    const [one, other] = [cryptoki.unwrap(kwp, kek, wrapped, used), native.unwrap(session, kwp, kek, wrapped, used)];
    expect(mac(one)).toEqual(mac(other));
  });

  it("what is made with values is made as pkcs11js makes it", () => {
    const [value, id] = [utf8("0123456789abcdef0123456789abcdef"), utf8("an id")];
    const object = native.create(session, { ...used, value, id, label: "a label" });
    expect(cryptoki.find({ class: pkcs11js.CKO_SECRET_KEY, id })).toEqual([object]);
    expect(cryptoki.read(object, "label")).toBe("a label");
    const same = cryptoki.create({ ...used, value });
    expect(cryptoki.hmac(object, id)).toEqual(cryptoki.hmac(same, id));
  });

  it("a key is wrapped alike", () => {
    const kek = native.generateKey(session, aesKeyGen, { ...guarded, valueLen: 32 });
    const key = newKey();
    expect(native.wrap(session, kwp, kek, key)).toEqual(cryptoki.wrap(kwp, kek, key));
  });

  it("what the module lacks is refused by its name", () => {
    const [key, fixedInput] = [newKey(), new Uint8Array(48)];
    const kdf = { counterKdf: { prf: pkcs11js.CKM_SHA256_HMAC, fixedInput } };
    expect(() => native.derive(session, kdf, key, used)).toThrow(/C_DeriveKey .*CKR_MECHANISM_INVALID/);
    const rsaAes = { rsaAes: { hash: pkcs11js.CKM_SHA256 } };
    expect(() => native.wrap(session, rsaAes, key, key)).toThrow(/C_WrapKey .*CKR_/);
    expect(native.interfaces()).toEqual([]);
    expect(() => native.generateKey(Buffer.alloc(8), aesKeyGen, guarded)).toThrow(/CKR_SESSION_HANDLE_INVALID/);
  });

  it("templates are checked before they reach it", () => {
    for (const wrong of [
      { ...guarded, unwrapTemplate: { sensitive: 1 } },
      { ...guarded, allowedMechanisms: [] },
      { ...guarded, allowedMechanisms: [-1] },
      { ...guarded, nothing: true },
    ]) {
      expect(() => native.generateKey(session, aesKeyGen, wrong as Attributes)).toThrow(TypeError);
    }
    expect(() => cryptoki.create(guarded)).toThrow(TypeError);
  });
});

describe("the native code", () => {
  const { Cryptoki: Native } = load();
  const reader = openReader(load());
  const session = new Uint8Array(8);
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const target = new Uint8Array(16);
  const badLength = -8;

  it("opens no module that is not loaded, and each object once", () => {
    for (const path of ["/usr/lib/nowhere.so\0", "/usr/lib/x86_64-linux-gnu/libz.so\0"]) {
      expect(new Native().open(utf8(path))).toBe(-4);
    }
    expect(new Native().open(utf8(softHsm2()))).toBe(badLength);
    expect(reader.open(utf8(`${softHsm2()}\0`))).toBe(-4);
    expect(new Native().interfaces(target)).toBe(-5);
  });

  it("hands over every octet of a template, and of those in it", () => {
    const inner = [1, 1, 200, 0, 2, 8, 50, 5];
    const template = words(3, 4, 7, 0, 0x40000212, 4 * inner.length, ...inner);
    expect(reader.createObject(session, template, target)).toBe(16);
    expect([...target]).toEqual([...new Uint8Array(8), 7 + 200 + 50 + 5 - 256, 1, 0, 0, 0, 0, 0, 0]);
  });

  it("refuses templates that claim more than they are", () => {
    const nested = words(0x40000212, 0x20, 0x40000212, 8, 1, 0, 1, 0);
    for (const template of [
      words(3),
      words(3, 1),
      words(3, 9, 0, 0),
      words(3, 0xffff_ffff, 0, 0),
      words(0x40000212, 8, 3, 1),
      nested,
      new Uint8Array(33 * 8),
    ]) {
      expect(reader.createObject(session, template, target)).toBe(badLength);
    }
    expect(reader.createObject(session, new Uint8Array(17).subarray(1), target)).toBe(badLength);
    expect(reader.createObject(session, new Uint8Array(32 * 8), target)).toBe(16);
  });

  it("refuses mechanisms that are not whole", () => {
    for (const mechanism of [
      words(0x1080),
      words(0x1054, 0, 0x250),
      words(0x1054, 0, 1, 256),
      words(0x3ac, 0, 0x251),
    ]) {
      expect(reader.generateKey(session, mechanism, words(), target)).toBe(badLength);
    }
  });

  it("names as many interfaces as there is room for", () => {
    const room = new Uint8Array(8 + 2 * (3 + 255));
    expect(reader.interfaces(room)).toBe(room.length);
    expect(room.subarray(8, 12)).toEqual(Uint8Array.of(2, 40, 255, "a".charCodeAt(0)));
    expect(reader.interfaces(new Uint8Array(room.length - 1))).toBe(8 + 3 + 255);
    expect(reader.interfaces(new Uint8Array(8))).toBe(8);
  });
});
