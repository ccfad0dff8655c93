import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hsmChoices } from "./hsms.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

const day = 86_400;
const plaintext = new TextEncoder().encode("older than the key");

describe.each(hsmChoices)("rotation over %s", (hsm) => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMSClient;

  beforeAll(async () => {
    service = await startService(home, hsm);
    kms = service.client();
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const newKey = async (): Promise<string> => (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId as string;
  const encrypt = async (KeyId: string): Promise<Uint8Array> =>
    (await kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }))).CiphertextBlob as Uint8Array;
  const status = (KeyId: string) => kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  const materialId = async (KeyId: string): Promise<string> =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.CurrentKeyMaterialId as string;
  const rotations = async (KeyId: string, IncludeKeyMaterial?: "ALL_KEY_MATERIAL") =>
    (await kms.send(new ListKeyRotationsCommand({ KeyId, ...(IncludeKeyMaterial && { IncludeKeyMaterial }) })))
      .Rotations ?? [];

  it("tells every field of its status", async () => {
    const key = await newKey();
    expect(await status(key)).toMatchObject({
      KeyRotationEnabled: false,
      KeyId: expect.stringContaining(`key/${key}`),
    });
    await kms.send(new EnableKeyRotationCommand({ KeyId: key }));
    const enabled = await status(key);
    expect(enabled).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
    const year = (enabled.NextRotationDate as Date).getTime();
    await kms.send(new EnableKeyRotationCommand({ KeyId: key, RotationPeriodInDays: 90 }));
    const sooner = await status(key);
    expect(sooner.RotationPeriodInDays).toBe(90);
    expect(year - (sooner.NextRotationDate as Date).getTime()).toBe(275 * day * 1000);
    await kms.send(new DisableKeyRotationCommand({ KeyId: key }));
    expect(await status(key)).toMatchObject({ KeyRotationEnabled: false });
    await kms.send(new DisableKeyRotationCommand({ KeyId: key }));
    await expect(
      kms.send(new EnableKeyRotationCommand({ KeyId: key, RotationPeriodInDays: 89 })),
    ).rejects.toMatchObject({
      name: "ValidationException",
    });
  });

  it("on demand, keeps every old ciphertext readable, and ReEncrypt moves one on", async () => {
    const key = await newKey();
    const blobs = [await encrypt(key)];
    const ids = [await materialId(key)];
    for (let i = 0; i < 3; i++) {
      await kms.send(new RotateKeyOnDemandCommand({ KeyId: key }));
      blobs.push(await encrypt(key));
      ids.push(await materialId(key));
    }
    expect(new Set(ids).size).toBe(4);
    for (const [i, CiphertextBlob] of blobs.entries()) {
      const opened = await kms.send(new DecryptCommand({ CiphertextBlob, KeyId: key }));
      expect(opened).toMatchObject({ Plaintext: plaintext, KeyMaterialId: ids[i] });
    }
    expect((await rotations(key)).map((rotation) => rotation.KeyMaterialId)).toEqual(ids.slice(1));
    expect(await rotations(key, "ALL_KEY_MATERIAL")).toMatchObject([
      { KeyMaterialId: ids[0], KeyMaterialState: "NON_CURRENT" },
      { KeyMaterialId: ids[1], KeyMaterialState: "NON_CURRENT", RotationType: "ON_DEMAND" },
      { KeyMaterialId: ids[2], KeyMaterialState: "NON_CURRENT", RotationType: "ON_DEMAND" },
      { KeyMaterialId: ids[3], KeyMaterialState: "CURRENT", RotationType: "ON_DEMAND" },
    ]);
    const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob: blobs[0], DestinationKeyId: key }));
    expect(moved).toMatchObject({ SourceKeyMaterialId: ids[0], DestinationKeyMaterialId: ids[3] });
    expect((await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob }))).Plaintext).toEqual(plaintext);
  });

  it("on demand, ends at 25", async () => {
    const key = await newKey();
    for (let i = 0; i < 25; i++) await kms.send(new RotateKeyOnDemandCommand({ KeyId: key }));
    await expect(kms.send(new RotateKeyOnDemandCommand({ KeyId: key }))).rejects.toMatchObject({
      name: "LimitExceededException",
    });
  });

  it("comes by the clock, waits while a key is disabled, and stops when it is pending deletion", async () => {
    const [key, disabled, doomed] = [await newKey(), await newKey(), await newKey()];
    for (const KeyId of [key, disabled, doomed]) {
      await kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    }
    const blob = await encrypt(key);
    await kms.send(new DisableKeyCommand({ KeyId: disabled }));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: doomed, PendingWindowInDays: 30 }));
    expect(await status(doomed)).toMatchObject({ KeyRotationEnabled: false });
    await service.dev("/dev/clock", { advanceSeconds: 91 * day });
    expect(await rotations(key)).toMatchObject([{ RotationType: "AUTOMATIC", KeyMaterialState: "CURRENT" }]);
    expect((await kms.send(new DecryptCommand({ CiphertextBlob: blob }))).Plaintext).toEqual(plaintext);
    const next = (await status(key)).NextRotationDate as Date;
    const [rotated] = (await rotations(key)).map((rotation) => rotation.RotationDate as Date) as [Date];
    expect(next.getTime() - rotated.getTime()).toBe(90 * day * 1000);
    expect(await rotations(disabled)).toEqual([]);
    await kms.send(new EnableKeyCommand({ KeyId: disabled }));
    await service.dev("/dev/clock", { advanceSeconds: 1 });
    expect(await rotations(disabled)).toHaveLength(1);
    await expect(status(doomed)).rejects.toMatchObject({ name: "NotFoundException" });
  });

  it("is refused for a disabled key", async () => {
    const key = await newKey();
    await kms.send(new DisableKeyCommand({ KeyId: key }));
    for (const command of [
      new EnableKeyRotationCommand({ KeyId: key }),
      new RotateKeyOnDemandCommand({ KeyId: key }),
    ]) {
      await expect(kms.send(command as EnableKeyRotationCommand)).rejects.toMatchObject({ name: "DisabledException" });
    }
  });
});
