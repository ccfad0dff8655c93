import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import { deleteDueKeys } from "../../src/kms/deletion.ts";
import { rotateDueKeys } from "../../src/kms/rotation.ts";
import { type Answer, type Ask, account, allow, day, type Office, openOffice, refused } from "./office.ts";
import { base64, importOf, parametersOf } from "./wrapping-client.ts";

const home = "us-east-1";
const away = "eu-west-1";
const third = "ap-south-1";
const plaintext = btoa("plaintext");

describe("multi-Region keys", () => {
  let office: Office;
  /** One administrator, by region. */
  let ask: Readonly<Record<string, Ask>>;

  beforeAll(async () => {
    office = await openOffice({ regions: [home, away, third, "cn-north-1"] });
    const others = [away, third].map(
      async (region) => [region, await office.user(`in-${region}`, account, allow("*"), region)] as const,
    );
    ask = { [home]: office.admin, ...Object.fromEntries(await Promise.all(others)) };
  }, 60_000);
  afterAll(() => office.close());

  const inRegion = (region: string): Ask => ask[region] as Ask;
  const newPrimary = async (more: object = {}): Promise<string> =>
    (await inRegion(home)("CreateKey", { MultiRegion: true, ...more }))["KeyMetadata"].KeyId;
  const replicate = (KeyId: string, ReplicaRegion = away, more: object = {}, from = home): Promise<Answer> =>
    inRegion(from)("ReplicateKey", { KeyId, ReplicaRegion, ...more });
  const metadata = async (KeyId: string, region = home): Promise<Answer> =>
    (await inRegion(region)("DescribeKey", { KeyId }))["KeyMetadata"];
  const encrypt = async (KeyId: string, region: string): Promise<string> =>
    base64((await inRegion(region)("Encrypt", { KeyId, Plaintext: plaintext }))["CiphertextBlob"]);
  const decrypt = async (CiphertextBlob: string, region: string): Promise<string> =>
    base64((await inRegion(region)("Decrypt", { CiphertextBlob }))["Plaintext"]);
  const jobParts = () => ({ ...office.parts, clock: office.site.clock, forget: office.kms.forget });
  const events = async (): Promise<Answer[]> => {
    await office.parts.outbox.flush();
    const { directory } = office.site.premises.audit;
    const files = readdirSync(directory).filter((name) => name.endsWith(".jsonl"));
    const lines = files.flatMap((name) => readFileSync(join(directory, name), "utf8").trim().split("\n"));
    return lines.map((line) => JSON.parse(line));
  };

  it("have ids of their own kind, and one configuration in every region", async () => {
    const id = await newPrimary({ Description: "payroll" });
    expect(id).toMatch(/^mrk-[0-9a-f]{32}$/);
    const named = (region: string) => ({ Arn: `arn:aws:kms:${region}:${account}:key/${id}`, Region: region });
    expect(await metadata(id)).toMatchObject({
      MultiRegion: true,
      MultiRegionConfiguration: { MultiRegionKeyType: "PRIMARY", PrimaryKey: named(home), ReplicaKeys: [] },
    });
    const Tags = [{ TagKey: "a", TagValue: "b" }];
    const { ReplicaKeyMetadata, ReplicaPolicy, ReplicaTags } = await replicate(id, away, {
      Description: "there",
      Tags,
    });
    expect(ReplicaKeyMetadata).toMatchObject({
      KeyId: id,
      Arn: named(away).Arn,
      Description: "there",
      KeyState: "Enabled",
    });
    expect([JSON.parse(ReplicaPolicy).Statement, ReplicaTags]).toEqual([expect.any(Array), Tags]);
    await replicate(id, third);
    const configuration = { PrimaryKey: named(home), ReplicaKeys: [named(away), named(third)] };
    for (const region of [home, away, third]) {
      const type = region === home ? "PRIMARY" : "REPLICA";
      expect((await metadata(id, region))["MultiRegionConfiguration"]).toEqual({
        MultiRegionKeyType: type,
        ...configuration,
      });
    }
    expect((await metadata(id))["Description"]).toBe("payroll");
    expect((await inRegion(away)("ListResourceTags", { KeyId: id }))["Tags"]).toEqual(Tags);
    expect((await inRegion(home)("ListResourceTags", { KeyId: id }))["Tags"]).toEqual([]);
    const ids = await Promise.all(
      [home, away, third].map(async (region) => (await metadata(id, region))["CurrentKeyMaterialId"]),
    );
    expect(new Set(ids).size).toBe(1);
  });

  it("open each other's ciphertexts, the context bound to neither region", async () => {
    const id = await newPrimary();
    const before = await encrypt(id, home);
    expect(await refused(decrypt(before, away))).toBe("AccessDeniedException");
    await replicate(id);
    for (const [from, to] of [
      [home, away],
      [away, home],
    ] as const) {
      expect(await decrypt(await encrypt(id, from), to)).toBe(plaintext);
    }
    expect(await decrypt(before, away)).toBe(plaintext);
  });

  it("sign and compute MACs alike", async () => {
    const signing = await newPrimary({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const mac = await newPrimary({ KeySpec: "HMAC_384", KeyUsage: "GENERATE_VERIFY_MAC" });
    await Promise.all([replicate(signing), replicate(mac)]);
    const message = { Message: plaintext, SigningAlgorithm: "ECDSA_SHA_256", KeyId: signing };
    const { Signature } = await inRegion(away)("Sign", message);
    await inRegion(home)("Verify", { ...message, Signature: base64(Signature) });
    const request = { KeyId: mac, Message: plaintext, MacAlgorithm: "HMAC_SHA_384" };
    const { Mac } = await inRegion(away)("GenerateMac", request);
    await inRegion(home)("VerifyMac", { ...request, Mac: base64(Mac) });
    const keys = [home, away].map(
      async (region) => (await inRegion(region)("GetPublicKey", { KeyId: signing }))["PublicKey"],
    );
    expect(await keys[0]).toEqual(await keys[1]);
  });

  it("have state, aliases, policy and grants each for itself", async () => {
    const id = await newPrimary();
    await replicate(id);
    await inRegion(away)("DisableKey", { KeyId: id });
    expect((await metadata(id))["KeyState"]).toBe("Enabled");
    expect(await refused(encrypt(id, away))).toBe("DisabledException");
    await inRegion(away)("CreateAlias", { AliasName: "alias/there", TargetKeyId: id });
    expect(await refused(metadata("alias/there"))).toBe("NotFoundException");
    expect((await metadata("alias/there", away))["KeyId"]).toBe(id);
  });

  it("rotate together, at the primary's word, and keep one schedule", async () => {
    const id = await newPrimary();
    await replicate(id);
    const old = await encrypt(id, away);
    for (const operation of ["RotateKeyOnDemand", "EnableKeyRotation", "DisableKeyRotation"]) {
      expect(await refused(inRegion(away)(operation, { KeyId: id }))).toBe("UnsupportedOperationException");
    }
    await inRegion(home)("RotateKeyOnDemand", { KeyId: id });
    const current = (await metadata(id))["CurrentKeyMaterialId"];
    expect((await metadata(id, away))["CurrentKeyMaterialId"]).toBe(current);
    expect(await decrypt(old, home)).toBe(plaintext);
    expect(await decrypt(await encrypt(id, home), away)).toBe(plaintext);
    await inRegion(home)("EnableKeyRotation", { KeyId: id, RotationPeriodInDays: 90 });
    expect(await inRegion(away)("GetKeyRotationStatus", { KeyId: id })).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 90,
    });
    await replicate(id, third);
    office.site.clock.advance(91 * day * 1000);
    expect(await rotateDueKeys(jobParts())).toBe(1);
    const rotated = await Promise.all(
      [home, away, third].map(async (region) => (await metadata(id, region))["CurrentKeyMaterialId"]),
    );
    expect(new Set(rotated).size).toBe(1);
    expect(rotated[0]).not.toBe(current);
    expect(await decrypt(await encrypt(id, third), away)).toBe(plaintext);
    expect(await decrypt(old, third)).toBe(plaintext);
    const told = (await events()).filter(({ eventName }) => eventName === "SynchronizeMultiRegionKey");
    expect(told.length).toBeGreaterThanOrEqual(3);
    // The schedule goes with the primary.
    await inRegion(home)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: third });
    office.site.clock.advance(91 * day * 1000);
    expect(await rotateDueKeys(jobParts())).toBe(1);
    expect((await metadata(id))["CurrentKeyMaterialId"]).not.toBe(rotated[0]);
    await inRegion(third)("DisableKeyRotation", { KeyId: id });
    expect(await inRegion(away)("GetKeyRotationStatus", { KeyId: id })).toMatchObject({ KeyRotationEnabled: false });
    await inRegion(third)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: home });
    await inRegion(home)("EnableKeyRotation", { KeyId: id });
    await inRegion(home)("RotateKeyOnDemand", { KeyId: id });
  });

  it("change their primary, which is told in both regions", async () => {
    const id = await newPrimary();
    await replicate(id);
    await replicate(id, third);
    await inRegion(home)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: away });
    for (const region of [home, away, third]) {
      const { MultiRegionKeyType, PrimaryKey, ReplicaKeys } = (await metadata(id, region))["MultiRegionConfiguration"];
      expect([MultiRegionKeyType, PrimaryKey.Region]).toEqual([region === away ? "PRIMARY" : "REPLICA", away]);
      expect(ReplicaKeys.map((key: Answer) => key["Region"]).sort()).toEqual([third, home]);
    }
    expect(await refused(inRegion(home)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: third }))).toBe(
      "UnsupportedOperationException",
    );
    const told = (await events()).filter(
      ({ eventName, requestParameters }) => eventName === "UpdatePrimaryRegion" && requestParameters.keyId === id,
    );
    expect(
      told
        .filter(({ errorCode }) => !errorCode)
        .map(({ awsRegion }) => awsRegion)
        .sort(),
    ).toEqual([away, home]);
    await inRegion(third)("DisableKey", { KeyId: id });
    expect(await refused(inRegion(away)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: third }))).toBe(
      "DisabledException",
    );
    expect(await refused(inRegion(away)("UpdatePrimaryRegion", { KeyId: id, PrimaryRegion: "us-west-1" }))).toBe(
      "NotFoundException",
    );
  });

  it("tell of a replica in both regions", async () => {
    const id = await newPrimary();
    await replicate(id);
    const told = (await events()).filter(({ resources = [] }) => JSON.stringify(resources).includes(id));
    expect(told.map(({ eventName, awsRegion }) => [eventName, awsRegion])).toEqual(
      expect.arrayContaining([
        ["ReplicateKey", home],
        ["CreateKey", away],
      ]),
    );
  });

  it("are deleted replicas first", async () => {
    const id = await newPrimary();
    await replicate(id);
    const { KeyState, DeletionDate } = await inRegion(home)("ScheduleKeyDeletion", {
      KeyId: id,
      PendingWindowInDays: 8,
    });
    expect([KeyState, DeletionDate]).toEqual(["PendingReplicaDeletion", undefined]);
    expect(await metadata(id)).toMatchObject({ KeyState: "PendingReplicaDeletion", PendingDeletionWindowInDays: 8 });
    expect(await refused(encrypt(id, home))).toBe("KMSInvalidStateException");
    await encrypt(id, away);
    await inRegion(home)("CancelKeyDeletion", { KeyId: id });
    expect((await metadata(id))["KeyState"]).toBe("Disabled");
    expect((await metadata(id))["PendingDeletionWindowInDays"]).toBeUndefined();
    await inRegion(home)("ScheduleKeyDeletion", { KeyId: id, PendingWindowInDays: 8 });
    await inRegion(away)("ScheduleKeyDeletion", { KeyId: id, PendingWindowInDays: 7 });
    expect((await metadata(id, away))["KeyState"]).toBe("PendingDeletion");
    office.site.clock.advance(7 * day * 1000);
    expect(await deleteDueKeys(jobParts())).toBe(1);
    const primary = await metadata(id);
    expect(primary).toMatchObject({ KeyState: "PendingDeletion", MultiRegionConfiguration: { ReplicaKeys: [] } });
    expect(primary["DeletionDate"].getTime()).toBeCloseTo(office.site.clock.now() + 8 * day * 1000, -4);
    expect(await refused(metadata(id, away))).toBe("NotFoundException");
    office.site.clock.advance(8 * day * 1000);
    expect(await deleteDueKeys(jobParts())).toBe(1);
    expect(await refused(metadata(id))).toBe("NotFoundException");
  });

  it("are replicated where they may be, once, and by their primary", async () => {
    const [id, single] = [await newPrimary(), await office.newKey()];
    await replicate(id);
    expect(await refused(replicate(single))).toBe("UnsupportedOperationException");
    expect(await refused(replicate(id))).toBe("AlreadyExistsException");
    expect(await refused(replicate(id, home))).toBe("AlreadyExistsException");
    expect(await refused(replicate(id, third, {}, away))).toBe("UnsupportedOperationException");
    expect(await refused(replicate(id, "cn-north-1"))).toBe("UnsupportedOperationException");
    expect(await refused(replicate(id, "us-west-1"))).toBe("UnsupportedOperationException");
    expect(await refused(replicate(id, "nowhere"))).toBe("ValidationException");
    await inRegion(home)("DisableKey", { KeyId: id });
    expect(await refused(replicate(id, third))).toBe("DisabledException");
  });

  describe("need permission in both regions", () => {
    const only = (Action: string | string[], region: string) => ({
      Effect: "Allow",
      Action,
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    });
    const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });

    it("to be replicated: kms:ReplicateKey here and kms:CreateKey there", async () => {
      const id = await newPrimary();
      const request = { KeyId: id, ReplicaRegion: away, BypassPolicyLockoutSafetyCheck: true };
      const here = await office.user("here", account, policy(only(["kms:ReplicateKey", "kms:CreateKey"], home)));
      const there = await office.user("there", account, policy(only(["kms:ReplicateKey", "kms:CreateKey"], away)));
      for (const user of [here, there])
        expect(await refused(user("ReplicateKey", request))).toBe("AccessDeniedException");
      const wrong = allow(["kms:ReplicateKey", "kms:CreateKey"], {
        Condition: { StringEquals: { "kms:ReplicaRegion": third } },
      });
      expect(await refused((await office.user("wrong", account, wrong))("ReplicateKey", request))).toBe(
        "AccessDeniedException",
      );
      const replica = {
        StringEqualsIfExists: { "kms:ReplicaRegion": away, "kms:MultiRegionKeyType": ["PRIMARY", "REPLICA"] },
        Bool: { "kms:MultiRegion": "true" },
      };
      const both = await office.user(
        "both",
        account,
        allow(["kms:ReplicateKey", "kms:CreateKey"], { Condition: replica }),
      );
      expect(await refused(both("ReplicateKey", { ...request, Tags: [{ TagKey: "a", TagValue: "b" }] }))).toBe(
        "AccessDeniedException",
      );
      await both("ReplicateKey", request);
    });

    it("to change their primary", async () => {
      const id = await newPrimary();
      await replicate(id);
      const request = { KeyId: id, PrimaryRegion: away };
      const half = await office.user("half", account, policy(only("kms:UpdatePrimaryRegion", home)));
      expect(await refused(half("UpdatePrimaryRegion", request))).toBe("AccessDeniedException");
      const condition = { Condition: { StringEquals: { "kms:PrimaryRegion": away } } };
      const whole = await office.user("whole", account, allow("kms:UpdatePrimaryRegion", condition));
      expect(await refused(whole("UpdatePrimaryRegion", { ...request, PrimaryRegion: third }))).toBe(
        "AccessDeniedException",
      );
      await whole("UpdatePrimaryRegion", request);
    });
  });

  describe("of imported material", () => {
    const material = (fill: number): Bytes => new Uint8Array(32).fill(fill);
    const bring = async (KeyId: string, region: string, bytes: Bytes, more: object = {}): Promise<Answer> =>
      inRegion(region)("ImportKeyMaterial", importOf(KeyId, await parametersOf(inRegion(region), KeyId), bytes, more));
    const states = async (KeyId: string, region: string): Promise<unknown[]> =>
      (await inRegion(region)("ListKeyRotations", { KeyId, IncludeKeyMaterial: "ALL_KEY_MATERIAL" }))["Rotations"].map(
        (entry: Answer) => [entry["KeyMaterialState"], entry["ImportState"]],
      );

    it("take the same in each region, for itself", async () => {
      const id = await newPrimary({ Origin: "EXTERNAL" });
      const first = await bring(id, home, material(1));
      const sealed = await encrypt(id, home);
      await replicate(id);
      expect((await metadata(id, away))["KeyState"]).toBe("PendingImport");
      expect(await refused(decrypt(sealed, away))).toBe("KMSInvalidStateException");
      expect(await refused(bring(id, away, material(2)))).toBe("IncorrectKeyMaterialException");
      expect(await refused(bring(id, away, material(2), { ImportType: "NEW_KEY_MATERIAL" }))).toBe(
        "UnsupportedOperationException",
      );
      const validTo = office.site.clock.now() / 1000 + day;
      expect(
        await bring(id, away, material(1), { ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: validTo }),
      ).toMatchObject({
        KeyMaterialId: first["KeyMaterialId"],
      });
      expect(await decrypt(sealed, away)).toBe(plaintext);
      expect((await metadata(id))["ExpirationModel"]).toBe("KEY_MATERIAL_DOES_NOT_EXPIRE");
      await inRegion(home)("DeleteImportedKeyMaterial", { KeyId: id });
      expect((await metadata(id, away))["KeyState"]).toBe("Enabled");
      expect(await decrypt(sealed, away)).toBe(plaintext);
    });

    it("come first to the primary", async () => {
      const id = await newPrimary({ Origin: "EXTERNAL" });
      expect(await refused(replicate(id))).toBe("KMSInvalidStateException");
      await bring(id, home, material(1));
      await replicate(id);
      await bring(id, away, material(1));
    });

    it("rotate when the new material is everywhere", async () => {
      const id = await newPrimary({ Origin: "EXTERNAL" });
      await bring(id, home, material(3));
      await replicate(id);
      await bring(id, away, material(3));
      await bring(id, home, material(4), { ImportType: "NEW_KEY_MATERIAL" });
      const awaited = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION";
      expect(await states(id, home)).toEqual([
        ["CURRENT", "IMPORTED"],
        [awaited, "IMPORTED"],
      ]);
      expect(await states(id, away)).toEqual([
        ["CURRENT", "IMPORTED"],
        [awaited, "PENDING_IMPORT"],
      ]);
      expect((await metadata(id, away))["KeyState"]).toBe("Enabled");
      expect(await refused(inRegion(home)("RotateKeyOnDemand", { KeyId: id }))).toBe("KMSInvalidStateException");
      await bring(id, away, material(4));
      expect(await states(id, home)).toEqual([
        ["CURRENT", "IMPORTED"],
        ["PENDING_ROTATION", "IMPORTED"],
      ]);
      await inRegion(home)("RotateKeyOnDemand", { KeyId: id });
      for (const region of [home, away]) {
        expect(await states(id, region)).toEqual([
          ["NON_CURRENT", "IMPORTED"],
          ["CURRENT", "IMPORTED"],
        ]);
      }
      expect(await decrypt(await encrypt(id, away), home)).toBe(plaintext);
    });

    it("forget what waited everywhere, when the primary does", async () => {
      const id = await newPrimary({ Origin: "EXTERNAL" });
      await bring(id, home, material(5));
      await replicate(id);
      await bring(id, away, material(5));
      const { KeyMaterialId } = await bring(id, home, material(6), { ImportType: "NEW_KEY_MATERIAL" });
      await bring(id, away, material(6));
      await inRegion(away)("DeleteImportedKeyMaterial", { KeyId: id, KeyMaterialId });
      expect(await states(id, away)).toHaveLength(2);
      await bring(id, away, material(6));
      await inRegion(home)("DeleteImportedKeyMaterial", { KeyId: id, KeyMaterialId });
      for (const region of [home, away]) expect(await states(id, region)).toEqual([["CURRENT", "IMPORTED"]]);
      await bring(id, home, material(6), { ImportType: "NEW_KEY_MATERIAL" });
      await bring(id, away, material(6));
      await inRegion(home)("RotateKeyOnDemand", { KeyId: id });
    });
  });
});
