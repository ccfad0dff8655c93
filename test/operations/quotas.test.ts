import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteDueKeys } from "../../src/kms/deletion.ts";
import { quotas } from "../../src/model/quotas.ts";
import { type Ask, account, allow, day, type Office, openOffice, refused } from "./office.ts";

describe("quotas", () => {
  let office: Office;
  let admin: Ask;

  beforeAll(async () => {
    office = await openOffice({ quotas: { keysPerRegion: 3 } });
    admin = office.admin;
  }, 60_000);
  afterAll(() => office.close());

  it("are those that AWS documents", () => {
    expect(quotas).toEqual({
      keysPerRegion: 100_000,
      aliasesPerKey: 50,
      grantsPerKey: 50_000,
      customKeyStoresPerRegion: 10,
      tagsPerKey: 50,
      onDemandRotationsPerKey: 25,
    });
  });

  it("count the keys of an account in a region, whatever their state, until they are gone", async () => {
    const other = await office.user("other", "444455556666", allow("*"));
    const elsewhere = await office.user("elsewhere", account, allow("*"), "eu-west-1");
    const keys = [await office.newKey(), await office.newKey(), await office.newKey()];
    await admin("ScheduleKeyDeletion", { KeyId: keys[0], PendingWindowInDays: 7 });
    await expect(admin("CreateKey")).rejects.toMatchObject({ code: "LimitExceededException" });
    expect(await refused(other("CreateKey"))).toBe("answered");
    expect(await refused(elsewhere("CreateKey"))).toBe("answered");
    office.site.clock.advance(8 * day * 1000);
    const { store, outbox } = office.parts;
    await deleteDueKeys({ store, outbox, clock: office.site.clock, forget: office.kms.forget });
    expect(await refused(admin("CreateKey"))).toBe("answered");
    expect(await refused(admin("CreateKey"))).toBe("LimitExceededException");
  });

  it("hold for aliases, tags and rotations of a key", async () => {
    const own = await office.user("third", "777788889999", allow("*"));
    const KeyId = await office.newKey({}, own);
    for (let n = 0; n < 50; n++) await own("CreateAlias", { AliasName: `alias/${n}`, TargetKeyId: KeyId });
    expect(await refused(own("CreateAlias", { AliasName: "alias/50", TargetKeyId: KeyId }))).toBe(
      "LimitExceededException",
    );
    const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ TagKey: `t${n}`, TagValue: "" }));
    expect(await refused(own("TagResource", { KeyId, Tags: tags(51) }))).toBe("LimitExceededException");
    expect(await refused(own("TagResource", { KeyId, Tags: tags(50) }))).toBe("answered");
    expect(await refused(own("TagResource", { KeyId, Tags: [{ TagKey: "x", TagValue: "" }] }))).toBe(
      "LimitExceededException",
    );
    for (let n = 0; n < 25; n++) await own("RotateKeyOnDemand", { KeyId });
    await expect(own("RotateKeyOnDemand", { KeyId })).rejects.toMatchObject({
      code: "LimitExceededException",
      message: `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${KeyId}`,
    });
  });
});
