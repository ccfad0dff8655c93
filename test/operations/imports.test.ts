import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, fromBase64 } from "../../src/base/bytes.ts";
import { deleteDueKeys } from "../../src/kms/deletion.ts";
import { deleteExpiredMaterial } from "../../src/kms/expiry.ts";
import { algorithmsOf } from "../../src/model/algorithms.ts";
import type { KeySpec, WrappingAlgorithm } from "../../src/model/key-spec.ts";
import { rsaKeys } from "../rsa-keys.ts";
import { type Answer, type Ask, allow, day, type Office, openOffice, refused } from "./office.ts";
import { base64, importOf, type Pair, parametersOf, wrapped } from "./wrapping-client.ts";

const material = (fill: number, length = 32): Bytes => new Uint8Array(length).fill(fill);
const plaintext = btoa("plaintext");
const oaep = "RSAES_OAEP_SHA_256";
const year = 365 * day * 1000;

describe("imported key material", () => {
  let office: Office;
  let admin: Ask;

  beforeAll(async () => {
    office = await openOffice();
    admin = office.admin;
  }, 60_000);
  afterAll(() => office.close());

  const newKey = (spec: KeySpec = "SYMMETRIC_DEFAULT", usage?: string): Promise<string> =>
    office.newKey({ Origin: "EXTERNAL", KeySpec: spec, ...(usage && { KeyUsage: usage }) });
  const metadata = async (KeyId: string): Promise<Answer> => (await admin("DescribeKey", { KeyId }))["KeyMetadata"];
  const bring = async (KeyId: string, bytes: Bytes, more: object = {}, by = admin): Promise<Answer> =>
    by("ImportKeyMaterial", importOf(KeyId, await parametersOf(by, KeyId), bytes, more));
  const encrypt = async (KeyId: string): Promise<string> =>
    base64((await admin("Encrypt", { KeyId, Plaintext: plaintext }))["CiphertextBlob"]);
  const decrypt = (CiphertextBlob: string): Promise<Answer> => admin("Decrypt", { CiphertextBlob });
  const listed = async (KeyId: string): Promise<Answer[]> =>
    (await admin("ListKeyRotations", { KeyId, IncludeKeyMaterial: "ALL_KEY_MATERIAL" }))["Rotations"];
  const expire = () =>
    deleteExpiredMaterial({
      ...office.parts,
      imports: office.kms.imports,
      clock: office.site.clock,
      forget: office.kms.forget,
    });

  it("is awaited by a new key, and makes it usable", async () => {
    const key = await newKey();
    const { KeyState, Enabled, Origin, CurrentKeyMaterialId, ExpirationModel } = await metadata(key);
    expect([KeyState, Enabled, Origin]).toEqual(["PendingImport", false, "EXTERNAL"]);
    expect([CurrentKeyMaterialId, ExpirationModel]).toEqual([undefined, undefined]);
    expect(await refused(encrypt(key))).toBe("KMSInvalidStateException");
    const parameters = await admin("GetParametersForImport", {
      KeyId: key,
      WrappingAlgorithm: oaep,
      WrappingKeySpec: "RSA_3072",
    });
    expect(parameters["KeyId"]).toBe(key);
    expect(parameters["ImportToken"].length).toBeLessThanOrEqual(6144);
    const hours = (parameters["ParametersValidTo"].getTime() - office.site.clock.now()) / 3_600_000;
    expect(hours).toBeCloseTo(24, 1);
    const { KeyId, KeyMaterialId } = await bring(key, material(1));
    expect(KeyId).toBe(key);
    expect(KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect(await metadata(key)).toMatchObject({
      KeyState: "Enabled",
      CurrentKeyMaterialId: KeyMaterialId,
      ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE",
    });
    expect(await decrypt(await encrypt(key))).toMatchObject({ KeyMaterialId });
  });

  it("has another id in another key", async () => {
    const [one, other] = [await newKey(), await newKey()];
    const ids = [await bring(one, material(2)), await bring(other, material(2))].map(
      (answer) => answer["KeyMaterialId"],
    );
    expect(new Set(ids).size).toBe(2);
  });

  it("is deleted, and alone brings back what it encrypted", async () => {
    const key = await newKey();
    const { KeyMaterialId } = await bring(key, material(3));
    const ciphertext = await encrypt(key);
    expect(await admin("DeleteImportedKeyMaterial", { KeyId: key })).toEqual({ KeyId: key, KeyMaterialId });
    expect(await metadata(key)).toMatchObject({ KeyState: "PendingImport", CurrentKeyMaterialId: KeyMaterialId });
    expect((await metadata(key))["ExpirationModel"]).toBeUndefined();
    // Also by the ciphertext alone: the key that made it is remembered.
    expect(await refused(decrypt(ciphertext))).toBe("KMSInvalidStateException");
    expect(await admin("DeleteImportedKeyMaterial", { KeyId: key })).toEqual({ KeyId: key, KeyMaterialId });
    expect(await refused(bring(key, material(4)))).toBe("IncorrectKeyMaterialException");
    expect(await bring(key, material(3))).toEqual({ KeyId: key, KeyMaterialId });
    expect(await decrypt(ciphertext)).toMatchObject({ KeyMaterialId });
  });

  it("expires by the clock, at once and for good, until it comes back", async () => {
    const key = await newKey();
    const validTo = office.site.clock.now() + day * 1000;
    await bring(key, material(5), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: validTo / 1000 });
    expect(await metadata(key)).toMatchObject({ ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: new Date(validTo) });
    const ciphertext = await encrypt(key);
    office.site.clock.advance(day * 1000);
    expect(await refused(decrypt(ciphertext))).toBe("KMSInvalidStateException");
    expect(await expire()).toBe(1);
    expect(await expire()).toBe(0);
    expect((await metadata(key))["KeyState"]).toBe("PendingImport");
    expect(await refused(decrypt(ciphertext))).toBe("KMSInvalidStateException");
    await bring(key, material(5));
    expect((await metadata(key))["ValidTo"]).toBeUndefined();
    office.site.clock.advance(2 * day * 1000);
    expect(await expire()).toBe(0);
    await decrypt(ciphertext);
  });

  it("takes another expiry when it is imported again", async () => {
    const key = await newKey();
    const at = (days: number) => (office.site.clock.now() + days * day * 1000) / 1000;
    await bring(key, material(6), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: at(1) });
    await bring(key, material(6), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: at(3) });
    office.site.clock.advance(2 * day * 1000);
    expect(await expire()).toBe(0);
    await encrypt(key);
    office.site.clock.advance(2 * day * 1000);
    expect(await expire()).toBe(1);
  });

  it("is deleted with its key, and with what is left of it", async () => {
    const key = await newKey();
    const at = (office.site.clock.now() + 30 * day * 1000) / 1000;
    const other = await newKey();
    await bring(other, material(7));
    await bring(key, material(7), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: at });
    await bring(key, material(8), { ImportType: "NEW_KEY_MATERIAL" });
    await admin("DeleteImportedKeyMaterial", { KeyId: key });
    await admin("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7 });
    expect((await admin("DeleteImportedKeyMaterial", { KeyId: key }))["KeyId"]).toBe(key);
    expect((await metadata(key))["KeyState"]).toBe("PendingDeletion");
    await admin("CancelKeyDeletion", { KeyId: key });
    expect((await metadata(key))["KeyState"]).toBe("PendingImport");
    await bring(key, material(7), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: at });
    expect((await metadata(key))["KeyState"]).toBe("Enabled");
    await admin("DeleteImportedKeyMaterial", { KeyId: key });
    await admin("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7 });
    const { parts, site, kms } = office;
    const names = (await listed(other)).concat(await listed(key)).map((entry) => entry["KeyMaterialId"] as string);
    expect(names).toHaveLength(3);
    site.clock.advance(8 * day * 1000);
    expect(await deleteDueKeys({ ...parts, clock: site.clock, forget: kms.forget })).toBe(1);
    const left = (await Promise.all(["hbk/", "removed/", "job/"].map((prefix) => parts.store.list(prefix)))).flat();
    const paths = left.map(({ path }) => path).join(" ");
    expect(names.map((name) => paths.includes(name))).toEqual([true, false, false]);
  });

  describe("of a symmetric key rotates on demand", () => {
    it("once new material waits, and every version decrypts", async () => {
      const key = await newKey();
      const description = "first: from the vault";
      const first = await bring(key, material(10), { KeyMaterialDescription: description });
      const old = await encrypt(key);
      expect(await refused(admin("RotateKeyOnDemand", { KeyId: key }))).toBe("KMSInvalidStateException");
      expect(await refused(bring(key, material(10), { ImportType: "NEW_KEY_MATERIAL" }))).toBe(
        "IncorrectKeyMaterialException",
      );
      const second = await bring(key, material(11), { ImportType: "NEW_KEY_MATERIAL" });
      expect(await refused(bring(key, material(12), { ImportType: "NEW_KEY_MATERIAL" }))).toBe(
        "KMSInvalidStateException",
      );
      expect((await decrypt(await encrypt(key)))["KeyMaterialId"]).toBe(first["KeyMaterialId"]);
      expect(await listed(key)).toMatchObject([
        {
          KeyMaterialId: first["KeyMaterialId"],
          KeyMaterialState: "CURRENT",
          ImportState: "IMPORTED",
          KeyMaterialDescription: description,
          ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE",
        },
        { KeyMaterialId: second["KeyMaterialId"], KeyMaterialState: "PENDING_ROTATION", ImportState: "IMPORTED" },
      ]);
      expect(await admin("ListKeyRotations", { KeyId: key })).toMatchObject({ Rotations: [] });
      await admin("RotateKeyOnDemand", { KeyId: key });
      expect((await metadata(key))["CurrentKeyMaterialId"]).toBe(second["KeyMaterialId"]);
      expect((await decrypt(await encrypt(key)))["KeyMaterialId"]).toBe(second["KeyMaterialId"]);
      expect((await decrypt(old))["KeyMaterialId"]).toBe(first["KeyMaterialId"]);
      expect((await listed(key)).map((entry) => [entry["KeyMaterialState"], entry["RotationType"]])).toEqual([
        ["NON_CURRENT", undefined],
        ["CURRENT", "ON_DEMAND"],
      ]);
    });

    it("and needs every version: one that is missing leaves it pending", async () => {
      const key = await newKey();
      const first = await bring(key, material(20), { KeyMaterialDescription: "kept" });
      await bring(key, material(21), { ImportType: "NEW_KEY_MATERIAL" });
      await admin("RotateKeyOnDemand", { KeyId: key });
      await admin("DeleteImportedKeyMaterial", { KeyId: key, KeyMaterialId: first["KeyMaterialId"] });
      expect((await metadata(key))["KeyState"]).toBe("PendingImport");
      expect((await listed(key))[0]).toMatchObject({ ImportState: "PENDING_IMPORT", KeyMaterialState: "NON_CURRENT" });
      const wrongId = { KeyMaterialId: "0".repeat(64) };
      expect(await refused(bring(key, material(20), wrongId))).toBe("IncorrectKeyMaterialException");
      await bring(key, material(20), { KeyMaterialId: first["KeyMaterialId"] });
      expect((await metadata(key))["KeyState"]).toBe("Enabled");
      expect((await listed(key))[0]).toMatchObject({ ImportState: "IMPORTED", KeyMaterialDescription: "kept" });
    });

    it("and what waits may be deleted for other material", async () => {
      const key = await newKey();
      await bring(key, material(30));
      const waiting = await bring(key, material(31), { ImportType: "NEW_KEY_MATERIAL" });
      await admin("DeleteImportedKeyMaterial", { KeyId: key, KeyMaterialId: waiting["KeyMaterialId"] });
      expect((await metadata(key))["KeyState"]).toBe("Enabled");
      expect(await listed(key)).toHaveLength(1);
      await bring(key, material(32), { ImportType: "NEW_KEY_MATERIAL" });
      await admin("RotateKeyOnDemand", { KeyId: key });
    });

    it("but not by the clock", async () => {
      const key = await newKey();
      expect(await refused(admin("EnableKeyRotation", { KeyId: key }))).toBe("UnsupportedOperationException");
      expect(await refused(admin("GetKeyRotationStatus", { KeyId: key }))).toBe("UnsupportedOperationException");
      await bring(key, material(40));
      expect(await refused(admin("EnableKeyRotation", { KeyId: key }))).toBe("UnsupportedOperationException");
      expect(await admin("GetKeyRotationStatus", { KeyId: key })).toMatchObject({ KeyRotationEnabled: false });
    });
  });

  describe("of every type", () => {
    interface KeyPair {
      readonly privateKey: KeyObject;
      readonly publicKey: KeyObject;
    }
    const pkcs8 = ({ privateKey }: Pick<KeyPair, "privateKey">): Bytes =>
      new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
    const spki = ({ publicKey }: KeyPair): Bytes => new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
    const pairs = {
      RSA_2048: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
      ECC_NIST_P256: () => ec("P-256"),
      ECC_NIST_P384: () => ec("P-384"),
      ECC_NIST_P521: () => ec("P-521"),
      ECC_SECG_P256K1: () => ec("secp256k1"),
      ECC_NIST_EDWARDS25519: () => generateKeyPairSync("ed25519"),
    } as const;

    it.each(Object.keys(pairs) as (keyof typeof pairs)[])("%s comes in as PKCS#8, and signs", async (spec) => {
      const pair = pairs[spec]();
      const key = await newKey(spec, "SIGN_VERIFY");
      expect(await refused(admin("GetPublicKey", { KeyId: key }))).toBe("KMSInvalidStateException");
      const algorithm = "RSA_AES_KEY_WRAP_SHA_256";
      const parameters = await parametersOf(admin, key, algorithm, "RSA_3072");
      const request = importOf(key, parameters, pkcs8(pair), {}, algorithm);
      await admin("ImportKeyMaterial", request);
      expect(new Uint8Array((await admin("GetPublicKey", { KeyId: key }))["PublicKey"])).toEqual(spki(pair));
      const [SigningAlgorithm] = algorithmsOf(spec, "SIGN_VERIFY") as readonly string[];
      const { Signature } = await admin("Sign", { KeyId: key, Message: plaintext, SigningAlgorithm });
      await admin("Verify", { KeyId: key, Message: plaintext, SigningAlgorithm, Signature: base64(Signature) });
      // The same pair comes back, no other does.
      const again = importOf(key, parameters, pkcs8(pairs[spec]()), {}, algorithm);
      expect(await refused(admin("ImportKeyMaterial", again))).toBe("IncorrectKeyMaterialException");
      await admin("DeleteImportedKeyMaterial", { KeyId: key });
      expect((await admin("GetPublicKey", { KeyId: key }))["PublicKey"]).toBeDefined();
      await admin("ImportKeyMaterial", request);
    });

    it.each([
      ["HMAC_224", 28],
      ["HMAC_256", 32],
      ["HMAC_256", 128],
      ["HMAC_384", 48],
      ["HMAC_512", 64],
    ] as const)("%s of %i bytes computes", async (spec, length) => {
      const key = await newKey(spec, "GENERATE_VERIFY_MAC");
      for (const wrong of [spec === "HMAC_224" ? 27 : length === 128 ? 31 : length - 1, 129]) {
        expect(await refused(bring(key, material(1, wrong)))).toBe("IncorrectKeyMaterialException");
      }
      await bring(key, material(9, length));
      const MacAlgorithm = spec.replace("HMAC_", "HMAC_SHA_");
      const { Mac } = await admin("GenerateMac", { KeyId: key, Message: plaintext, MacAlgorithm });
      expect(Mac).toHaveLength(Number(spec.slice(5)) / 8);
    });

    it("ECC keys agree on secrets, RSA keys decrypt", async () => {
      const agreeing = await newKey("ECC_NIST_P256", "KEY_AGREEMENT");
      await bring(agreeing, pkcs8(ec("P-256")));
      const PublicKey = base64(spki(ec("P-256")));
      const derived = await admin("DeriveSharedSecret", { KeyId: agreeing, KeyAgreementAlgorithm: "ECDH", PublicKey });
      expect(derived["KeyOrigin"]).toBe("EXTERNAL");
      const decrypting = await newKey("RSA_2048", "ENCRYPT_DECRYPT");
      const algorithm = "RSA_AES_KEY_WRAP_SHA_1";
      const parameters = await parametersOf(admin, decrypting, algorithm);
      await admin("ImportKeyMaterial", importOf(decrypting, parameters, pkcs8(pairs.RSA_2048()), {}, algorithm));
      const EncryptionAlgorithm = "RSAES_OAEP_SHA_1";
      const request = { KeyId: decrypting, EncryptionAlgorithm };
      const { CiphertextBlob } = await admin("Encrypt", { ...request, Plaintext: plaintext });
      await admin("Decrypt", { ...request, CiphertextBlob: base64(CiphertextBlob) });
    });

    it.each([
      ["another curve", "ECC_NIST_P256", () => pkcs8(ec("P-384"))],
      ["another curve of the same length", "ECC_NIST_P256", () => pkcs8(ec("secp256k1"))],
      ["another algorithm", "ECC_NIST_P256", () => pkcs8(generateKeyPairSync("ed25519"))],
      ["a public key", "ECC_NIST_P256", () => spki(ec("P-256"))],
      ["what is no DER", "ECC_NIST_P256", () => material(0x30, 100)],
      [
        "parameters written out",
        "ECC_NIST_P256",
        () => pkcs8(generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" })),
      ],
      ["a longer modulus", "RSA_2048", () => pkcs8({ privateKey: rsaKeys.RSA_3072 })],
      ["a key for PSS alone", "RSA_2048", () => pkcs8(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }))],
    ] as const)("is refused when it is %s", async (_what, spec, make) => {
      const key = await newKey(spec, "SIGN_VERIFY");
      const algorithm = "RSA_AES_KEY_WRAP_SHA_256";
      const parameters = await parametersOf(admin, key, algorithm);
      const asked = admin("ImportKeyMaterial", importOf(key, parameters, make(), {}, algorithm));
      expect(await refused(asked)).toBe("IncorrectKeyMaterialException");
      expect((await metadata(key))["KeyState"]).toBe("PendingImport");
    });

    it("comes in SM2 in China, wrapped for an SM2 key", async () => {
      const there = await office.user("beijing", undefined, allow("*"), "cn-north-1");
      const key = await office.newKey({ Origin: "EXTERNAL", KeySpec: "SM2", KeyUsage: "SIGN_VERIFY" }, there);
      const parameters = await parametersOf(there, key, "SM2PKE", "SM2");
      const pair = generateKeyPairSync("ec", { namedCurve: "SM2" });
      await there("ImportKeyMaterial", importOf(key, parameters, pkcs8(pair), {}, "SM2PKE"));
      await there("Sign", { KeyId: key, Message: plaintext, SigningAlgorithm: "SM2DSA" });
    });
  });

  describe("is refused", () => {
    it.each(["ML_DSA_44", "ML_KEM_768"] as const)("for %s keys", async (spec) => {
      const usage = spec.startsWith("ML_DSA") ? "SIGN_VERIFY" : "ENCAPSULATE_DECAPSULATE";
      expect(await refused(newKey(spec, usage))).toBe("UnsupportedOperationException");
    });

    it("for keys of another origin, whatever their state", async () => {
      const key = await office.newKey();
      const wrapping = { WrappingAlgorithm: oaep, WrappingKeySpec: "RSA_2048" };
      const bogus = { ImportToken: plaintext, EncryptedKeyMaterial: plaintext };
      const ask = () =>
        Promise.all([
          refused(admin("GetParametersForImport", { KeyId: key, ...wrapping })),
          refused(admin("ImportKeyMaterial", { KeyId: key, ...bogus })),
          refused(admin("DeleteImportedKeyMaterial", { KeyId: key })),
        ]);
      expect(new Set(await ask())).toEqual(new Set(["UnsupportedOperationException"]));
      await admin("ScheduleKeyDeletion", { KeyId: key });
      expect(new Set(await ask())).toEqual(new Set(["UnsupportedOperationException"]));
    });

    it.each([
      ["SYMMETRIC_DEFAULT", "RSAES_PKCS1_V1_5", "RSA_2048"],
      ["SYMMETRIC_DEFAULT", "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"],
      ["SYMMETRIC_DEFAULT", "SM2PKE", "SM2"],
      ["SYMMETRIC_DEFAULT", "SM2PKE", "RSA_2048"],
      ["HMAC_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_2048"],
      ["RSA_2048", "RSAES_OAEP_SHA_256", "RSA_4096"],
      ["ECC_NIST_P521", "RSAES_OAEP_SHA_1", "RSA_2048"],
    ] as const)("of %s under %s with %s", async (spec, WrappingAlgorithm, WrappingKeySpec) => {
      const usage =
        spec === "HMAC_256" ? "GENERATE_VERIFY_MAC" : spec === "SYMMETRIC_DEFAULT" ? undefined : "SIGN_VERIFY";
      const asked = admin("GetParametersForImport", {
        KeyId: await newKey(spec, usage),
        WrappingAlgorithm,
        WrappingKeySpec,
      });
      expect(await refused(asked)).toBe("UnsupportedOperationException");
    });

    it("under a token that is another key's, another account's, edited or too old", async () => {
      const [key, other] = [await newKey(), await newKey()];
      const pair = await parametersOf(admin, key);
      const ask = (edits: object) =>
        refused(admin("ImportKeyMaterial", { ...importOf(key, pair, material(1)), ...edits }));
      expect(await ask({ KeyId: other })).toBe("InvalidImportTokenException");
      expect(await ask({ ImportToken: plaintext })).toBe("InvalidImportTokenException");
      expect(await ask({ ImportToken: (await parametersOf(admin, other)).ImportToken })).toBe(
        "InvalidImportTokenException",
      );
      expect(await ask({ ImportToken: (await parametersOf(admin, key)).ImportToken })).toBe(
        "InvalidCiphertextException",
      );
      office.site.clock.advance(day * 1000);
      expect(await ask({})).toBe("ExpiredImportTokenException");
    });

    it("with members that contradict each other", async () => {
      const [key, mac] = [await newKey(), await newKey("HMAC_256", "GENERATE_VERIFY_MAC")];
      const soon = office.site.clock.now() / 1000 + 60;
      const far = (office.site.clock.now() + year) / 1000 + 60;
      const expires = { ExpirationModel: "KEY_MATERIAL_EXPIRES" };
      for (const more of [
        expires,
        { ExpirationModel: undefined },
        { ValidTo: soon },
        { ...expires, ValidTo: 1 },
        { ...expires, ValidTo: far },
        { ImportType: "NEW_KEY_MATERIAL", KeyMaterialId: "0".repeat(64) },
        { KeyMaterialDescription: "<" },
      ]) {
        expect(await refused(bring(key, material(1), more)), JSON.stringify(more)).toBe("ValidationException");
      }
      for (const more of [{ ImportType: "NEW_KEY_MATERIAL" }, { KeyMaterialDescription: "d" }]) {
        expect(await refused(bring(mac, material(1), more))).toBe("UnsupportedOperationException");
      }
      expect(await refused(bring(key, material(1), { ImportType: "EXISTING_KEY_MATERIAL" }))).toBe(
        "IncorrectKeyMaterialException",
      );
      const KeyMaterialId = "0".repeat(64);
      expect(await refused(admin("DeleteImportedKeyMaterial", { KeyId: key, KeyMaterialId }))).toBe(
        "NotFoundException",
      );
    });
  });

  it("is held by policies to a wrapping, an expiry and a date", async () => {
    const key = await newKey();
    const statement = (Action: string, Condition: object) => ({ Effect: "Allow", Action, Resource: "*", Condition });
    const at = office.site.clock.now() + 10 * day * 1000;
    const Statement = [
      statement("kms:GetParametersForImport", {
        StringEquals: { "kms:WrappingAlgorithm": oaep, "kms:WrappingKeySpec": ["RSA_2048", "RSA_3072"] },
      }),
      statement("kms:ImportKeyMaterial", {
        StringEquals: { "kms:ExpirationModel": "KEY_MATERIAL_EXPIRES" },
        DateLessThan: { "kms:ValidTo": new Date(at).toISOString() },
      }),
    ];
    const user = await office.user("importer", undefined, JSON.stringify({ Version: "2012-10-17", Statement }));
    for (const [algorithm, spec] of [
      ["RSAES_OAEP_SHA_1", "RSA_2048"],
      [oaep, "RSA_4096"],
    ] as const) {
      expect(await refused(parametersOf(user, key, algorithm, spec))).toBe("AccessDeniedException");
    }
    const ending = (time: number) => ({ ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: time / 1000 });
    expect(await refused(bring(key, material(1), {}, user))).toBe("AccessDeniedException");
    expect(await refused(bring(key, material(1), ending(at + 1000), user))).toBe("AccessDeniedException");
    await bring(key, material(1), ending(at - 1000), user);
  });

  describe("whatever is sent in its place", () => {
    let key: string;
    let pair: Pair;
    let mac: string;
    let macPair: Pair;

    beforeAll(async () => {
      key = await newKey();
      pair = await parametersOf(admin, key);
      mac = await newKey("HMAC_512", "GENERATE_VERIFY_MAC");
      macPair = await parametersOf(admin, mac, "RSAES_OAEP_SHA_256", "RSA_3072");
    });

    const answer = (request: object): Promise<string> => refused(admin("ImportKeyMaterial", request));

    it("is unfit when it has another length", async () => {
      const lengths = fc.integer({ min: 0, max: 190 });
      await fc.assert(
        fc.asyncProperty(lengths, async (length) => {
          const [forKey, forMac] = [
            importOf(key, pair, randomBytes(length)),
            importOf(mac, macPair, randomBytes(length)),
          ];
          if (length !== 32) expect(await answer(forKey)).toBe("IncorrectKeyMaterialException");
          if (length < 64 || length > 128) expect(await answer(forMac)).toBe("IncorrectKeyMaterialException");
        }),
        { numRuns: 25 },
      );
    });

    it("is no ciphertext when it was tampered with, or wrapped for another key or by another algorithm", async () => {
      const spki = fromBase64(pair.PublicKey) as Bytes;
      const good = wrapped(spki, oaep, material(1));
      const edit = fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7), cut: fc.nat(40) });
      await fc.assert(
        fc.asyncProperty(edit, async ({ at, bit, cut }) => {
          const edited = good.with(at, (good[at] as number) ^ (1 << bit)).subarray(0, good.length - cut);
          const request = { ...importOf(key, pair, material(1)), EncryptedKeyMaterial: base64(edited) };
          expect(await answer(request)).toBe("InvalidCiphertextException");
        }),
        { numRuns: 25 },
      );
      for (const [other, algorithm] of [
        [spki, "RSAES_OAEP_SHA_1"],
        [fromBase64(macPair.PublicKey) as Bytes, oaep],
      ] as [Bytes, WrappingAlgorithm][]) {
        const EncryptedKeyMaterial = base64(wrapped(other, algorithm, material(1)));
        const request = { ...importOf(key, pair, material(1)), EncryptedKeyMaterial };
        expect(await answer(request)).toBe("InvalidCiphertextException");
      }
    });

    it("comes under no token that was tampered with", async () => {
      const token = fromBase64(pair.ImportToken) as Bytes;
      const edit = fc.record({ at: fc.nat(token.length - 1), bit: fc.nat(7), cut: fc.nat(40) });
      await fc.assert(
        fc.asyncProperty(edit, async ({ at, bit, cut }) => {
          const edited = token.with(at, (token[at] as number) ^ (1 << bit)).subarray(0, token.length - cut);
          const request = { ...importOf(key, pair, material(1)), ImportToken: base64(edited) };
          expect(await answer(request)).toBe("InvalidImportTokenException");
        }),
        { numRuns: 50 },
      );
      expect((await metadata(key))["KeyState"]).toBe("PendingImport");
    });

    it("under the AES key that came with it, is no ciphertext either", async () => {
      const elliptic = await newKey("ECC_NIST_P256", "SIGN_VERIFY");
      const algorithm = "RSA_AES_KEY_WRAP_SHA_256";
      const wrapping = await parametersOf(admin, elliptic, algorithm);
      const good = wrapped(fromBase64(wrapping.PublicKey) as Bytes, algorithm, randomBytes(138));
      const edit = fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7), cut: fc.nat(200) });
      await fc.assert(
        fc.asyncProperty(edit, async ({ at, bit, cut }) => {
          const edited = good.with(at, (good[at] as number) ^ (1 << bit)).subarray(0, good.length - cut);
          const request = { ...importOf(elliptic, wrapping, material(1)), EncryptedKeyMaterial: base64(edited) };
          expect(await answer(request)).toBe("InvalidCiphertextException");
        }),
        { numRuns: 25 },
      );
      const whole = { ...importOf(elliptic, wrapping, material(1)), EncryptedKeyMaterial: base64(good) };
      expect(await answer(whole)).toBe("IncorrectKeyMaterialException");
    });
  });
});
