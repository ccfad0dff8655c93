import { constants, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

const here = "us-east-1";
const there = "eu-west-1";
const Policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Sid: "all", Effect: "Allow", Principal: { AWS: "*" }, Action: "kms:*", Resource: "*" }],
});
const Tags = [{ TagKey: "stage", TagValue: "test" }];

/** The calls of the AWS provider's resources whose keys come from outside or are in several regions. */
describe("Terraform", () => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMS;
  let away: KMS;

  beforeAll(async () => {
    service = await startService(home, "soft", ["--region", here, "--region", there]);
    kms = service.client();
    away = service.client(undefined, there);
  }, 60_000);
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  /** What a refresh reads. Rotation of keys that are made here alone. */
  async function read(client: KMS, KeyId: string) {
    const { KeyMetadata } = await client.describeKey({ KeyId });
    const policy = JSON.parse((await client.getKeyPolicy({ KeyId, PolicyName: "default" })).Policy as string);
    const tags = (await client.listResourceTags({ KeyId })).Tags;
    if (KeyMetadata?.Origin !== "AWS_KMS") return { KeyMetadata, policy, tags };
    const { KeyRotationEnabled } = await client.getKeyRotationStatus({ KeyId });
    return { KeyMetadata, policy, tags, KeyRotationEnabled };
  }

  /** The second reading is the plan: a difference would be a change to apply. */
  async function readTwice(client: KMS, KeyId: string) {
    const first = await read(client, KeyId);
    expect(await read(client, KeyId)).toEqual(first);
    expect(first).toMatchObject({ policy: JSON.parse(Policy), tags: Tags });
    return first.KeyMetadata;
  }

  async function importMaterial(client: KMS, KeyId: string, material: Uint8Array, ValidTo?: Date): Promise<void> {
    const wrapping = { WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048" } as const;
    const { PublicKey, ImportToken } = await client.getParametersForImport({ KeyId, ...wrapping });
    const key = createPublicKey({ key: Buffer.from(PublicKey as Uint8Array), format: "der", type: "spki" });
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    const EncryptedKeyMaterial = publicEncrypt({ key, ...padding }, material);
    const request = { KeyId, ImportToken, EncryptedKeyMaterial };
    await client.importKeyMaterial(
      ValidTo
        ? { ...request, ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo }
        : { ...request, ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" },
    );
  }

  const created = { Policy, Tags, BypassPolicyLockoutSafetyCheck: false, Description: "of Terraform" };

  it("finds no drift in aws_kms_external_key, with material or without, that ends or does not", async () => {
    const create = async () =>
      (await kms.createKey({ ...created, Origin: "EXTERNAL", KeyUsage: "ENCRYPT_DECRYPT" })).KeyMetadata
        ?.KeyId as string;
    const [empty, lasting, ending] = [await create(), await create(), await create()];
    expect(await readTwice(kms, empty)).toMatchObject({
      KeyState: "PendingImport",
      Enabled: false,
      KeyManager: "CUSTOMER",
    });
    await importMaterial(kms, lasting, randomBytes(32));
    const KeyState = "Enabled";
    const last = { KeyState, ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" };
    expect(await readTwice(kms, lasting)).toMatchObject(last);
    const validTo = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000);
    const material = randomBytes(32);
    await importMaterial(kms, ending, material, validTo);
    expect(await readTwice(kms, ending)).toMatchObject({
      KeyState,
      ExpirationModel: "KEY_MATERIAL_EXPIRES",
      ValidTo: validTo,
    });
    // Another valid_to is an import of the same material.
    await importMaterial(kms, ending, material);
    const unending = await readTwice(kms, ending);
    expect(unending).toMatchObject(last);
    expect(unending?.ValidTo).toBeUndefined();
    for (const KeyId of [empty, lasting, ending]) {
      await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 });
      expect((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState).toBe("PendingDeletion");
    }
  });

  it("finds no drift in aws_kms_replica_key, nor in its primary", async () => {
    const primary = (await kms.createKey({ ...created, MultiRegion: true })).KeyMetadata;
    const KeyId = primary?.KeyId as string;
    await kms.enableKeyRotation({ KeyId });
    await kms.replicateKey({ ...created, KeyId, ReplicaRegion: there, Description: "replica" });
    const replica = await readTwice(away, KeyId);
    expect(replica).toMatchObject({ KeyState: "Enabled", Description: "replica", MultiRegion: true });
    expect(replica?.MultiRegionConfiguration).toMatchObject({
      MultiRegionKeyType: "REPLICA",
      PrimaryKey: { Arn: primary?.Arn, Region: here },
    });
    expect((await readTwice(kms, KeyId))?.MultiRegionConfiguration?.MultiRegionKeyType).toBe("PRIMARY");
    expect((await away.getKeyRotationStatus({ KeyId })).KeyRotationEnabled).toBe(true);
    await away.disableKey({ KeyId });
    expect(await readTwice(away, KeyId)).toMatchObject({ Enabled: false, KeyState: "Disabled" });
    // terraform destroy takes the replica first; either state counts as gone.
    await away.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 });
    await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 });
    const states = [away, kms].map(async (client) => (await client.describeKey({ KeyId })).KeyMetadata?.KeyState);
    expect(await Promise.all(states)).toEqual(["PendingDeletion", "PendingReplicaDeletion"]);
  });

  it("finds no drift in aws_kms_replica_external_key", async () => {
    const material = randomBytes(32);
    const primary = await kms.createKey({
      ...created,
      Origin: "EXTERNAL",
      MultiRegion: true,
      KeyUsage: "ENCRYPT_DECRYPT",
    });
    const KeyId = primary.KeyMetadata?.KeyId as string;
    await importMaterial(kms, KeyId, material);
    await kms.replicateKey({ ...created, KeyId, ReplicaRegion: there });
    expect(await readTwice(away, KeyId)).toMatchObject({ KeyState: "PendingImport", Origin: "EXTERNAL" });
    await importMaterial(away, KeyId, material);
    expect(await readTwice(away, KeyId)).toMatchObject({ KeyState: "Enabled" });
    const { CiphertextBlob } = await away.encrypt({ KeyId, Plaintext: material });
    expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(new Uint8Array(material));
  });
});
