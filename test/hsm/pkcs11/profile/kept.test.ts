import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Bytes, hex } from "../../../../src/base/bytes.ts";
import type { Engine } from "../../../../src/engine/engine.ts";
import { openEngine } from "../../../../src/engine/index.ts";
import { Cryptoki } from "../../../../src/hsm/pkcs11/cryptoki/cryptoki.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { Inventory } from "../../../../src/hsm/pkcs11/inventory.ts";
import { Domain } from "../../../../src/hsm/pkcs11/keys/domain.ts";
import { findWrappings, type Wrappings } from "../../../../src/hsm/pkcs11/keys/wrapping.ts";
import { probe } from "../../../../src/hsm/pkcs11/probe.ts";
import { type Profile, profileOf } from "../../../../src/hsm/pkcs11/profile/profile.ts";
import { openProfile, sealProfile } from "../../../../src/hsm/pkcs11/profile/sealed.ts";
import { ProfileFile } from "../../../../src/hsm/pkcs11/profile-file.ts";
import { softHsm2 } from "../../../../src/hsm/pkcs11/provision.ts";
import { edited } from "../../../conformance/hsm-fixture.ts";
import { newKey, openSoft, type SoftToken, softTokens, withFaults } from "../tokens.ts";

/** What a worker does is done here, too: the module is in this process. */
const token = softTokens();
let config: SoftToken;
let cryptoki: Cryptoki;
let engine: Engine;
let domain: Domain;
let wrappings: Wrappings;
let found: Profile;

beforeAll(async () => {
  config = await token();
  await driver.init(config);
  process.env["SOFTHSM2_CONF"] = config.environment?.["SOFTHSM2_CONF"];
  cryptoki = Cryptoki.open(softHsm2(), { label: "kms" }, readFileSync(join(config.folder, "pin")));
  engine = await openEngine("node");
  wrappings = findWrappings(cryptoki, engine);
  domain = new Domain(cryptoki, wrappings);
  domain.load();
  found = await profileOf(cryptoki, engine, wrappings, undefined);
});
afterAll(() => cryptoki.close());

const fileOf = ({ folder }: Pick<SoftToken, "folder">): string => {
  const [name, ...others] = readdirSync(folder).filter((name) => name.startsWith("profile-"));
  expect(others).toEqual([]);
  return join(folder, name ?? "profile");
};

describe("a sealed profile", () => {
  const open = (sealed: Bytes) => openProfile(cryptoki, engine, domain, sealed);

  it("opens as it was, and is the same for the same profile", () => {
    const sealed = sealProfile(cryptoki, engine, domain, found);
    expect(open(sealed)).toEqual(found);
    expect(sealProfile(cryptoki, engine, domain, open(sealed) as Profile)).toEqual(sealed);
  });

  it("edited in any octet, cut short or made longer, does not open", () => {
    const sealed = sealProfile(cryptoki, engine, domain, found);
    for (let i = 0; i < sealed.length; i++) expect(open(edited(sealed, i, 1 << (i % 8)))).toBeUndefined();
    for (const length of [0, 1, 15, 16, 47, 48, sealed.length - 1])
      expect(open(sealed.slice(0, length))).toBeUndefined();
    expect(open(Uint8Array.of(...sealed, 0x20))).toBeUndefined();
  });

  it("of another token does not open", async () => {
    const other = await token();
    await driver.init(other);
    await (await driver.open(other)).close();
    expect(open(new Uint8Array(readFileSync(fileOf(other))))).toBeUndefined();
  });

  it("opens while the domain key is in use, and not when it is destroyed", async () => {
    const old = domain.active();
    const sealed = sealProfile(cryptoki, engine, domain, found);
    await using admin = await driver.openAdmin(config);
    await admin.activateDomainKey(await admin.addDomainKey());
    domain.load();
    expect(hex(domain.active().id)).not.toBe(hex(old.id));
    expect(open(sealed)).toEqual(found);
    await admin.quarantineDomainKey(hex(old.id));
    await admin.destroyDomainKey(hex(old.id));
    domain.load();
    expect(open(sealed)).toBeUndefined();
  });
});

describe("what a token can do", () => {
  it("is not tried again for a module and token that it is known of, and is for any other", async () => {
    const told: Profile = { ...found, pairs: { ...found.pairs, mostBits: 1 } };
    const profile = (known: Profile, wrappings_ = wrappings, initArgs?: string) =>
      profileOf(cryptoki, engine, wrappings_, initArgs, [undefined, known]);
    expect(await profile(told)).toBe(told);
    expect(await profile({ ...told, of: `${told.of} of another version` })).toEqual(found);
    for (const other of [await profile(told, []), await profile(told, wrappings, "other")]) {
      expect(other.of).not.toBe(found.of);
      expect(other.pairs.mostBits).not.toBe(1);
    }
  });
});

describe("the file of a profile", () => {
  let folder: string;
  let file: ProfileFile;
  let path: string;
  const contents = Uint8Array.of(1, 2, 3);
  beforeEach(() => {
    folder = join(config.folder, `${Math.random()}`);
    file = new ProfileFile("token", folder);
    file.write(contents);
    path = fileOf({ folder });
  });

  it("is private, and of one token", () => {
    expect(file.read()).toEqual(contents);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(new ProfileFile("another", folder).read()).toBeUndefined();
  });

  it.each([
    ["that others can read", () => chmodSync(path, 0o644)],
    ["that is too long", () => writeFileSync(path, new Uint8Array(1 << 20))],
    [
      "that is a link",
      () => {
        renameSync(path, `${path}-elsewhere`);
        symlinkSync(`${path}-elsewhere`, path);
      },
    ],
    [
      "that another user owns",
      () => {
        // As root alone may do.
        if (process.geteuid?.() === 0) chownSync(path, 65534, 65534);
        else rmSync(path);
      },
    ],
  ])("%s is as good as none, and is replaced", (_, spoil) => {
    spoil();
    expect(file.read()).toBeUndefined();
    file.write(contents);
    expect(file.read()).toEqual(contents);
  });

  it("that cannot be written hinders nobody", () => {
    const nowhere = new ProfileFile("token", path);
    nowhere.write(contents);
    expect(nowhere.read()).toBeUndefined();
    nowhere.remove();
    expect(file.read()).toEqual(contents);
  });

  it("is not made without a folder", () => {
    const none = new ProfileFile("token", undefined);
    none.write(contents);
    none.remove();
    expect(none.read()).toBeUndefined();
  });

  it("once doubted is gone, and this process makes no other", () => {
    file.doubt();
    file.write(contents);
    expect(existsSync(path)).toBe(false);
    expect(new ProfileFile("token", folder).read()).toBeUndefined();
  });
});

describe("a service", () => {
  /** As one that has just begun sees it. */
  const refusal = async () => {
    vi.resetModules();
    const { driver } = await import("../../../../src/hsm/pkcs11/driver.ts");
    await using hsm = await driver.open(config);
    return hsm.refusal("RSA_2048", "SIGN_VERIFY");
  };

  it("tries once what the token can do, and believes what is sealed", async () => {
    expect(await refusal()).toBeUndefined();
    const { ino } = statSync(fileOf(config));
    const profile = openProfile(cryptoki, engine, domain, new Uint8Array(readFileSync(fileOf(config)))) as Profile;
    const told = { ...profile, pairs: { ...profile.pairs, mostBits: 1 } };
    const sealed = sealProfile(cryptoki, engine, domain, told);
    writeFileSync(fileOf(config), sealed);
    expect(await refusal()).toBe("The token makes RSA keys of at most 1 bits.");
    expect(statSync(fileOf(config)).ino).toBe(ino);

    writeFileSync(fileOf(config), edited(sealed, sealed.length - 2, 1));
    expect(await refusal()).toBeUndefined();
    expect(new Uint8Array(readFileSync(fileOf(config)))).toEqual(sealProfile(cryptoki, engine, domain, profile));
  });

  it("tries it again after somebody has looked: `hsm probe`, and `hsm test`", async () => {
    const file = fileOf(config);
    for (const look of [() => probe(config), async () => (await Inventory.open(config))[Symbol.asyncDispose]()]) {
      writeFileSync(file, "", { mode: 0o600 });
      await look();
      expect(existsSync(file)).toBe(false);
    }
  });

  it("tries it again after a module has failed at a call", async () => {
    const faulty = withFaults(await token());
    await driver.init(faulty);
    await using hsm = await openSoft(faulty);
    expect(existsSync(fileOf(faulty))).toBe(true);
    writeFileSync(join(faulty.folder, "device-removed"), "");
    await newKey(hsm);
    expect(existsSync(join(faulty.folder, "device-removed"))).toBe(false);
    expect(existsSync(fileOf(faulty))).toBe(false);
  });
});
