import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, fromBase64, fromUtf8 } from "../../src/base/bytes.ts";
import { keyPath, writeKey } from "../../src/kms/records.ts";
import type { KeyRecord } from "../../src/model/key.ts";
import { type Ask, account, allow, type Office, openOffice } from "./office.ts";

const home = "cn-north-1";
const plaintext = Buffer.from("secret").toString("base64");

describe("a key of China that is AES-256, from before SYMMETRIC_DEFAULT was SM4 there", () => {
  let office: Office;
  let admin: Ask;
  beforeAll(async () => {
    office = await openOffice({ regions: [home, "cn-northwest-1"] }, home);
    admin = office.admin;
  });
  afterAll(() => office.close());

  it("stays AES-256, when it is rotated and replicated as well, and re-encrypts to SM4", async () => {
    const old = await olderKey();
    const suite = async (ask: Ask, KeyId: string) =>
      (await ask("Encrypt", { KeyId, Plaintext: plaintext }))["CiphertextBlob"][1] as number;
    const { CiphertextBlob } = await admin("Encrypt", { KeyId: old, Plaintext: plaintext });
    expect(CiphertextBlob[1]).toBe(1);
    await admin("RotateKeyOnDemand", { KeyId: old });
    expect(await suite(admin, old)).toBe(1);
    await admin("ReplicateKey", { KeyId: old, ReplicaRegion: "cn-northwest-1" });
    const there = await office.user("northwest", account, allow("*"), "cn-northwest-1");
    expect(await suite(there, old)).toBe(1);
    const fresh = await office.newKey();
    const blob = Buffer.from(CiphertextBlob).toString("base64");
    const moved = await admin("ReEncrypt", { CiphertextBlob: blob, DestinationKeyId: fresh });
    expect(moved["CiphertextBlob"][1]).toBe(3);
    const back = Buffer.from(moved["CiphertextBlob"]).toString("base64");
    expect((await admin("Decrypt", { CiphertextBlob: back }))["Plaintext"]).toEqual(fromBase64(plaintext));
    expect((await admin("Decrypt", { CiphertextBlob: blob }))["Plaintext"]).toEqual(fromBase64(plaintext));
  });

  /** As CreateKey made it then: no `cipher`, in the record and for the material. */
  async function olderKey(): Promise<string> {
    const model = await office.newKey({ MultiRegion: true });
    const stored = await office.parts.store.get(keyPath(account, home, model.split("/")[1] as string));
    const { cipher, ...record } = JSON.parse(fromUtf8(stored?.value as Bytes)) as KeyRecord;
    expect(cipher).toBe("SM4");
    const older = { ...record, id: `mrk-${randomUUID().replaceAll("-", "")}` };
    const { hbkId, write, expectation } = await office.kms.newMaterial(older);
    const key = { ...older, hbkId, materials: [{ hbkId }] };
    await office.parts.store.commit([writeKey(key, 0), write], [expectation]);
    return key.id;
  }
});
