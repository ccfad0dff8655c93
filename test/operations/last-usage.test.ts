import { KeyLastUsageTrackingOperation } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteDueKeys } from "../../src/kms/deletion.ts";
import { LastUsage, usagePath } from "../../src/kms/last-usage.ts";
import { type Ask, account, allow, day, type Office, openOffice, refused } from "./office.ts";

const plaintext = btoa("plaintext");

describe("the last usage of a key", () => {
  let office: Office;
  let admin: Ask;

  beforeAll(async () => {
    office = await openOffice();
    admin = office.admin;
  }, 60_000);
  afterAll(() => office.close());

  const lastUsage = async (KeyId: string) => await admin("GetKeyLastUsage", { KeyId });

  it("is an empty object until the key is used, and dates from the key's creation", async () => {
    const key = await office.newKey();
    const { KeyId, KeyLastUsage, TrackingStartDate, KeyCreationDate } = await lastUsage(key);
    expect([KeyId, KeyLastUsage]).toEqual([key, {}]);
    expect(TrackingStartDate).toEqual(KeyCreationDate);
  });

  it("names the operation, its time, event and request, and forgets failures and dry runs", async () => {
    const key = await office.newKey();
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: key, Plaintext: plaintext });
    const { KeyLastUsage } = await lastUsage(key);
    expect(KeyLastUsage).toMatchObject({ Operation: "Encrypt", Timestamp: expect.any(Date) });
    expect(KeyLastUsage.CloudTrailEventId).toMatch(/^[0-9a-f-]{36}$/);
    expect(KeyLastUsage.KmsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    const blob = Buffer.from(CiphertextBlob).toString("base64");
    const wrong = { CiphertextBlob: blob, EncryptionContext: { a: "b" } };
    expect(await refused(admin("Decrypt", wrong))).toBe("InvalidCiphertextException");
    expect(await refused(admin("Decrypt", { CiphertextBlob: blob, DryRun: true }))).toBe("DryRunOperationException");
    expect(await lastUsage(key)).toMatchObject({ KeyLastUsage });
  });

  it("is of both keys of a ReEncrypt, and of no others' operations", async () => {
    const [from, to] = [await office.newKey(), await office.newKey()];
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: from, Plaintext: plaintext });
    const blob = Buffer.from(CiphertextBlob).toString("base64");
    await admin("ReEncrypt", { CiphertextBlob: blob, DestinationKeyId: to });
    await admin("DescribeKey", { KeyId: to });
    for (const key of [from, to]) {
      const { KeyLastUsage } = await lastUsage(key);
      expect(KeyLastUsage.Operation).toBe("ReEncrypt");
      expect(Object.values(KeyLastUsageTrackingOperation)).toContain(KeyLastUsage.Operation);
    }
  });

  it("costs no commit, is written by the flush, and is gone with its key", async () => {
    const key = await office.newKey();
    const name = { account, region: "us-east-1", id: key.split("/").at(-1) as string };
    await admin("Encrypt", { KeyId: key, Plaintext: plaintext });
    expect(await office.parts.store.get(usagePath(name))).toBeUndefined();
    await office.kms.lastUsage.flush();
    const written = await new LastUsage(office.parts.store).of(name);
    expect(written).toMatchObject({ operation: "Encrypt" });
    await admin("GenerateDataKey", { KeyId: key, KeySpec: "AES_256" });
    expect((await lastUsage(key))["KeyLastUsage"].Operation).toBe("GenerateDataKey");
    await admin("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7 });
    office.site.clock.advance(8 * day * 1000);
    const { store, outbox } = office.parts;
    await deleteDueKeys({ store, outbox, clock: office.site.clock, forget: office.kms.forget });
    await office.kms.lastUsage.flush();
    expect(await store.get(usagePath(name))).toBeUndefined();
  });

  it("decides kms:TrailingDaysWithoutKeyUsage", async () => {
    const cautious = await office.user(
      "cautious",
      account,
      allow("*", {
        Condition: { NumericGreaterThanEquals: { "kms:TrailingDaysWithoutKeyUsage": "30" } },
      }),
    );
    const key = await office.newKey();
    await admin("Encrypt", { KeyId: key, Plaintext: plaintext });
    office.site.clock.advance(30 * day * 1000 - 60_000);
    expect(await refused(cautious("DisableKey", { KeyId: key }))).toBe("AccessDeniedException");
    office.site.clock.advance(60_000);
    expect(await refused(cautious("ScheduleKeyDeletion", { KeyId: key }))).toBe("answered");
  });

  it("is for who may ask, of keys of the own account", async () => {
    const key = await office.newKey();
    const stranger = await office.user("stranger", "444455556666", allow("*"));
    expect(await refused(stranger("GetKeyLastUsage", { KeyId: key }))).toBe("AccessDeniedException");
    expect(await refused((await office.user("nobody"))("GetKeyLastUsage", { KeyId: key }))).toBe(
      "AccessDeniedException",
    );
  });
});
