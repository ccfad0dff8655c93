import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Ask, account, type Office, openOffice } from "./office.ts";

/** What CloudTrail's records of KMS show (Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail"). */
describe("the event", () => {
  let office: Office;
  let admin: Ask;
  let storage: Ask;

  beforeAll(async () => {
    const services = { ebs: [`arn:aws:iam::${account}:user/disks`] };
    office = await openOffice({ services, regions: ["us-east-1", "eu-west-1"] });
    admin = office.admin;
    storage = await office.user("disks");
  }, 60_000);
  afterAll(() => office.close());

  const events = (name: string): Answer[] =>
    readFileSync(join(office.site.premises.audit.directory, "service.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.includes(`"eventName":"${name}"`))
      .map((line) => JSON.parse(line));

  it("of CreateKey and ReplicateKey shows the key as CloudTrail writes it", async () => {
    const Tags = [{ TagKey: "a", TagValue: "b" }];
    const { KeyMetadata } = await admin("CreateKey", { MultiRegion: true });
    await admin("ReplicateKey", { KeyId: KeyMetadata.KeyId, ReplicaRegion: "eu-west-1", Tags });
    const [created, there] = events("CreateKey") as [Answer, Answer];
    const date = /^[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d\d:\d\d [AP]M$/;
    expect(created["responseElements"]).toEqual({
      keyMetadata: expect.objectContaining({
        aWSAccountId: account,
        keyId: KeyMetadata.KeyId,
        creationDate: expect.stringMatching(date),
        encryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
        multiRegionConfiguration: expect.objectContaining({ multiRegionKeyType: "PRIMARY" }),
      }),
    });
    const { creationDate } = created["responseElements"].keyMetadata;
    expect(Math.abs(Date.parse(`${creationDate} UTC`) - KeyMetadata.CreationDate.getTime())).toBeLessThan(1000);
    const [replicated] = events("ReplicateKey") as [Answer];
    const { replicaKeyMetadata, replicaTags } = replicated["responseElements"];
    expect(replicaKeyMetadata).toEqual(there["responseElements"].keyMetadata);
    expect(replicaTags).toEqual([{ tagKey: "a", tagValue: "b" }]);
  });

  it("of a rotation on demand is followed by that of the rotation", async () => {
    const KeyId = await office.newKey();
    await admin("RotateKeyOnDemand", { KeyId });
    expect(events("RotateKeyOnDemand").at(-1)?.["responseElements"]).toEqual({ keyId: KeyId });
    const { CurrentKeyMaterialId } = (await admin("DescribeKey", { KeyId }))["KeyMetadata"];
    const rotation = events("RotateKey").at(-1);
    expect(rotation).toMatchObject({ eventType: "AwsServiceEvent", resources: [{ ARN: KeyId }] });
    expect(rotation?.["serviceEventDetails"]).toMatchObject({
      keyId: KeyId.split("/")[1],
      rotationType: "ON_DEMAND",
      keyOrigin: "AWS_KMS",
      currentKeyMaterialId: CurrentKeyMaterialId,
    });
  });

  it("of Encrypt, Decrypt and ReEncrypt names the algorithm that was left to its default", async () => {
    const KeyId = await office.newKey();
    const { CiphertextBlob } = await admin("Encrypt", { KeyId, Plaintext: btoa("a") });
    const blob = Buffer.from(CiphertextBlob).toString("base64");
    await admin("Decrypt", { CiphertextBlob: blob });
    await admin("ReEncrypt", { CiphertextBlob: blob, DestinationKeyId: KeyId });
    const parameters = (name: string) => events(name).at(-1)?.["requestParameters"];
    const encryptionAlgorithm = "SYMMETRIC_DEFAULT";
    expect(parameters("Encrypt")).toEqual({ keyId: KeyId, encryptionAlgorithm });
    expect(parameters("Decrypt")).toEqual({ encryptionAlgorithm });
    expect(parameters("ReEncrypt")).toEqual({
      destinationKeyId: KeyId,
      sourceEncryptionAlgorithm: encryptionAlgorithm,
      destinationEncryptionAlgorithm: encryptionAlgorithm,
    });
  });

  it("of a call through a service names the service as it calls", async () => {
    await storage("DescribeKey", { KeyId: "alias/aws/ebs" });
    const { userIdentity } = events("DescribeKey").at(-1) as Answer;
    expect(userIdentity).toMatchObject({ type: "IAMUser", userName: "disks", invokedBy: "ec2.amazonaws.com" });
  });
});
