import { readFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, hex, utf8 } from "../../../src/base/bytes.ts";
import { HsmError } from "../../../src/base/errors.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/index.ts";
import type { DomainKeyState } from "../../../src/hsm/domain-key.ts";
import { templateOf } from "../../../src/hsm/pkcs11/cryptoki/attributes.ts";
import { Cryptoki, CryptokiError } from "../../../src/hsm/pkcs11/cryptoki/cryptoki.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { BackingKeys } from "../../../src/hsm/pkcs11/keys/backing-keys.ts";
import { DataObjects } from "../../../src/hsm/pkcs11/keys/data-object.ts";
import { Domain } from "../../../src/hsm/pkcs11/keys/domain.ts";
import { decodeState, encodeState, type Revision } from "../../../src/hsm/pkcs11/keys/domain-state.ts";
import { bestOf, findWrappings, genericKey, noUse, type Wrappings } from "../../../src/hsm/pkcs11/keys/wrapping.ts";
import { testMac, testRandom } from "../../../src/hsm/pkcs11/profile/self-tests.ts";
import { softHsm2 } from "../../../src/hsm/pkcs11/provision.ts";
import { initDomain } from "../../../src/hsm/pkcs11/worker/token-admin.ts";
import { ektSuites, parseEkt } from "../../../src/model/ekt.ts";
import { edited, metaOf } from "../../conformance/hsm-fixture.ts";
import { type SoftToken, softTokens } from "./tokens.ts";

/** What a worker does, done here: the module is in this process. */
const token = softTokens();
let config: SoftToken;
let cryptoki: Cryptoki;
let engine: Engine;
let domain: Domain;
let keys: BackingKeys;
let wrappings: Wrappings;

beforeAll(async () => {
  config = await token();
  process.env["SOFTHSM2_CONF"] = config.environment?.["SOFTHSM2_CONF"];
  cryptoki = Cryptoki.open(softHsm2(), { label: "kms" }, readFileSync(join(config.folder, "pin")));
  engine = await openEngine("node");
  wrappings = findWrappings(cryptoki, engine);
  domain = new Domain(cryptoki, wrappings);
  keys = new BackingKeys(cryptoki, engine, domain, wrappings);
  initDomain(domain);
});
afterAll(() => cryptoki.close());

describe("the self-tests of a token", () => {
  it("pass on SoftHSM2, whose wrapping is RFC 5649", () => {
    testMac(cryptoki, engine);
    testRandom(cryptoki);
    expect(findWrappings(cryptoki, engine).map(({ suite }) => suite)).toEqual([ektSuites.kwp]);
  });

  it("do not pass where the answers are not the known ones", () => {
    const other: Engine = Object.create(engine, {
      hmacSha256: { value: () => new Uint8Array(32) },
      kwpWrap: { value: () => new Uint8Array(40) },
    });
    expect(() => testMac(cryptoki, other)).toThrow(/known answer/);
    expect(() => bestOf(findWrappings(cryptoki, other))).toThrow(/neither/);
  });

  it("find a key that the token did not make as it was asked to", () => {
    const key = cryptoki.create({
      ...genericKey,
      ...noUse,
      sensitive: false,
      extractable: true,
      value: new Uint8Array(32),
    });
    cryptoki.verify(key, { sensitive: false, extractable: true });
    expect(() => cryptoki.verify(key, { sensitive: true })).toThrow(HsmError);
    cryptoki.destroy(key);
  });
});

describe("a key token", () => {
  it("edited in any octet never reaches C_UnwrapKey", () => {
    const ekt = keys.generate(metaOf("kms-symmetric"));
    const before = keys.unwrapped;
    for (let i = 0; i < ekt.length; i++) {
      for (const mask of [1, 0x80]) {
        expect(() => keys.open(edited(ekt, i, mask), ["kms-symmetric"], "ENCRYPT_DECRYPT")).toThrow(HsmError);
      }
    }
    expect(keys.unwrapped).toBe(before);
    keys.open(ekt, ["kms-symmetric"], "ENCRYPT_DECRYPT");
    expect(keys.unwrapped).toBe(before + 1);
  });

  it("is unwrapped once for many uses, to a key that signs and does nothing else", () => {
    const ekt = keys.generate(metaOf("kms-symmetric"));
    const before = keys.unwrapped;
    const opened = [1, 2, 3].map(() => keys.open(ekt, ["kms-symmetric"], "ENCRYPT_DECRYPT").handle);
    const handle = opened[0] as Buffer;
    expect(keys.unwrapped).toBe(before + 1);
    cryptoki.verify(handle, { ...noUse, sign: true, sensitive: true, extractable: false, token: false });
    expect(() => cryptoki.read(handle, "value")).toThrow(/CKR_ATTRIBUTE_SENSITIVE/);
    keys.forget();
    expect(() => cryptoki.hmac(handle, utf8("x"))).toThrow(CryptokiError);
  });

  it("opens for no other kind when it is cached", () => {
    const ekt = keys.generate(metaOf("record"));
    expect(keys.release(ekt, ["record"], "INTERNAL")).toHaveLength(32);
    keys.open(ekt, ["record"], "INTERNAL");
    expect(() => keys.open(ekt, ["kms-symmetric"], "ENCRYPT_DECRYPT")).toThrow(/another kind/);
  });
});

describe("the domain key", () => {
  it("cannot be read, or do anything but wrap and unwrap", () => {
    const { kek, mac } = domain.active();
    const kept = { token: true, private: true, sensitive: true, extractable: false, modifiable: false };
    cryptoki.verify(kek, { ...kept, ...noUse, wrap: true, unwrap: true, label: "strongroom domain key" });
    cryptoki.verify(mac, { ...kept, ...noUse, sign: true, label: "strongroom MAC key" });
    for (const key of [kek, mac]) expect(() => cryptoki.read(key, "value")).toThrow(/CKR_ATTRIBUTE_SENSITIVE/);
    expect(() => cryptoki.wrap({ mechanism: pkcs11js.CKM_AES_KEY_WRAP_PAD }, kek, kek)).toThrow(/UNEXTRACTABLE/);
  });

  it("is not taken from a token that has another object under its name", () => {
    const { macKeyId } = domain.active();
    const attributes = { ...genericKey, token: true, label: "strongroom MAC key", id: macKeyId } as const;
    const planted = cryptoki.create({
      ...attributes,
      ...noUse,
      sign: true,
      sensitive: true,
      extractable: false,
      value: new Uint8Array(32).fill(1),
    });
    const fresh = new Domain(cryptoki, wrappings);
    fresh.load();
    expect(() => fresh.active()).toThrow(/more than one/);
    cryptoki.destroy(planted);
    expect(fresh.active().macKeyId).toEqual(macKeyId);
  });
});

describe("the domain state", () => {
  const objects = () => new DataObjects(cryptoki, "strongroom domain state");
  const revisions = () =>
    objects()
      .all()
      .map(({ value }) => decodeState(value).revision);

  it("is one object after a change", () => {
    expect(revisions()).toHaveLength(1);
    const [before] = revisions() as [number];
    domain.update((state) => state);
    expect(revisions()).toEqual([before + 1]);
  });

  it("is the higher revision where a crash left two, and the next change clears the other away", () => {
    const [{ value }] = objects().all() as [{ handle: Buffer; value: Bytes }];
    const now = decodeState(value);
    const stale: Revision = {
      ...now,
      revision: now.revision - 1,
      writer: new Uint8Array(16),
      state: { mode: "plain", keys: [], pinned: [] },
    };
    objects().add(encodeState(stale));
    expect(domain.load()).toEqual(now.state);
    domain.update((state) => state);
    expect(revisions()).toEqual([now.revision + 1]);
  });

  it("is not changed by a writer that finds another's beside its own", () => {
    const rival = new Domain(cryptoki, wrappings);
    let meddled = 0;
    domain.update((state) => {
      // Another writer is faster, the first two times.
      if (meddled++ < 2)
        rival.update((theirs) => ({ ...theirs, pinned: [...theirs.pinned, hex(new Uint8Array(32).fill(meddled))] }));
      return { ...state, pinned: [...state.pinned, "ff".repeat(32)] };
    });
    expect(meddled).toBe(3);
    expect(domain.load().pinned).toEqual(["01".repeat(32), "02".repeat(32), "ff".repeat(32)]);
    expect(revisions()).toHaveLength(1);
  });

  it("is read again before a key is refused that another process was making when it was read", () => {
    const maker = new Domain(cryptoki, wrappings);
    const [id, macKeyId, since] = ["33".repeat(16), "44".repeat(16), 1];
    const state = (state: DomainKeyState) => {
      const others = maker.load().keys.filter((key) => key.id !== id);
      maker.update((before) => ({ ...before, keys: [...others, { id, macKeyId, state, since }] }));
    };
    state("reserved");
    maker.generate(id, macKeyId);
    domain.load();
    expect(() => domain.pair(id)).toThrow(/reserved/);
    state("readable");
    expect(hex(domain.pair(id).id)).toBe(id);
    maker.destroy(id, macKeyId);
    state("destroyed");
    domain.load();
    expect(() => domain.pair(id)).toThrow(/destroyed/);
  });

  it("that cannot be read stops everything", () => {
    const [{ handle, value }] = objects().all() as [{ handle: Buffer; value: Bytes }];
    cryptoki.destroy(handle);
    objects().add(value.subarray(0, value.length - 1));
    expect(() => domain.load()).toThrow(HsmError);
    objects().remove(() => true);
    objects().add(value);
    domain.load();
  });

  it("keeps the keys that two processes add at the same time", async () => {
    const shared = await token();
    await driver.init(shared);
    const admins = await Promise.all([driver.openAdmin(shared), driver.openAdmin(shared)]);
    const added = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => admins[(i % 2) as 0 | 1].addDomainKey()));
    const listed = (await admins[0].domainKeys()).map(({ id }) => id);
    expect(listed).toEqual(expect.arrayContaining(added));
    expect(listed).toHaveLength(7);
    for (const admin of admins) await admin.close();
  });

  it("of an initialisation that was cut short is completed by the next", async () => {
    const half = new Domain(cryptoki, wrappings);
    const kept = objects()
      .all()
      .map(({ value }) => value);
    objects().remove(() => true);
    const reserved = { id: "11".repeat(16), macKeyId: "22".repeat(16), state: "reserved", since: 1 } as const;
    half.update(() => ({ mode: "plain", keys: [reserved], pinned: [] }));
    initDomain(half);
    expect(half.load().keys.map(({ state }) => state)).toEqual(["reserved", "active"]);
    expect(() => initDomain(half)).toThrow(/already/);
    objects().remove(() => true);
    for (const value of kept) objects().add(value);
  });
});

describe("a template", () => {
  it("with anything but the attributes that are known, of their types, never reaches the module", () => {
    for (const bad of [
      { nothing: 1 },
      { token: 1 },
      { class: -1 },
      { class: 2 ** 32 },
      { label: 5 },
      { value: {} },
      { id: new Uint8Array() },
      { token: undefined },
    ]) {
      expect(() => templateOf(bad as never), JSON.stringify(bad)).toThrow(TypeError);
    }
  });
});

it("a token's names are those that the host reads", () => {
  const ekt = keys.generate(metaOf("kms-symmetric"));
  expect(hex(parseEkt(ekt).domainKeyId)).toBe(domain.state.keys.find(({ state }) => state === "active")?.id);
});
