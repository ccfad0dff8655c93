import { describe, expect, test } from "vitest";
import { buildEvent, buildServiceEvent } from "../../src/audit/event.ts";
import { actor } from "./actor.ts";

const facts = {
  actor,
  name: "Decrypt",
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  readOnly: true,
  requestParameters: null,
};
const written = (event: object): Record<string, unknown> => JSON.parse(JSON.stringify(event));

describe("an event", () => {
  test("is a CloudTrail record of its call", () => {
    const arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const event = buildEvent({
      ...facts,
      id: "3f8c5b1e-0000-4000-8000-000000000000",
      requestParameters: { encryptionContext: { purpose: "test" } },
      additionalEventData: { keyMaterialId: "ab" },
      resources: [{ arn, account: "111122223333" }],
    });
    expect(written(event)).toEqual({
      eventVersion: "1.11",
      userIdentity: {
        type: "IAMUser",
        principalId: "AIDAEXAMPLE",
        arn: "arn:aws:iam::111122223333:user/alice",
        accountId: "111122223333",
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        userName: "alice",
      },
      eventTime: "2026-01-02T03:04:05Z",
      eventSource: "kms.amazonaws.com",
      eventName: "Decrypt",
      awsRegion: "us-east-1",
      sourceIPAddress: "192.0.2.1",
      userAgent: "aws-cli/2.9.19",
      requestParameters: { encryptionContext: { purpose: "test" } },
      responseElements: null,
      additionalEventData: { keyMaterialId: "ab" },
      requestID: "b2ad5a5c-0000-4000-8000-000000000000",
      eventID: "3f8c5b1e-0000-4000-8000-000000000000",
      readOnly: true,
      resources: [{ accountId: "111122223333", type: "AWS::KMS::Key", ARN: arn }],
      eventType: "AwsApiCall",
      managementEvent: true,
      recipientAccountId: "111122223333",
      eventCategory: "Management",
      tlsDetails: { tlsVersion: "TLSv1.3", cipherSuite: "TLS_AES_256_GCM_SHA384" },
    });
  });

  test("of a refusal has CloudTrail's name for it", () => {
    const refused = (code: string) => written(buildEvent({ ...facts, error: { code, message: "why" } }));
    expect(refused("AccessDeniedException")).toMatchObject({ errorCode: "AccessDenied", errorMessage: "why" });
    expect(refused("NotFoundException")).toMatchObject({ errorCode: "NotFoundException" });
    expect(written(buildEvent(facts))).not.toHaveProperty("errorCode");
  });

  test("is bounded, whatever the request was", () => {
    const long = "x".repeat(200_000);
    const event = written(
      buildEvent({
        ...facts,
        actor: { ...actor, userAgent: long },
        requestParameters: { policy: long },
        responseElements: { list: Array.from({ length: 50_000 }, () => ({})) },
        additionalEventData: { more: "x".repeat(29 * 1024) },
        error: { code: "ValidationException", message: long },
      }),
    );
    expect(event).toMatchObject({
      requestParameters: { omitted: "more than 100 KB" },
      responseElements: { omitted: "more than 100 KB" },
      additionalEventData: { omitted: "more than 28 KB" },
    });
    expect(JSON.stringify(event).length).toBeLessThan(5000);
    const kept = written(buildEvent({ ...facts, requestParameters: { policy: "x".repeat(32_768) } }));
    expect(kept["requestParameters"]).toEqual({ policy: "x".repeat(32_768) });
  });

  test("of the service itself names no caller", () => {
    const details = { keyId: "1234" };
    const event = buildServiceEvent({
      name: "DeleteKey",
      account: "111122223333",
      region: "us-east-1",
      time: 0,
      details,
    });
    expect(written(event)).toMatchObject({
      eventName: "DeleteKey",
      eventType: "AwsServiceEvent",
      eventTime: "1970-01-01T00:00:00Z",
      userIdentity: { accountId: "111122223333", invokedBy: "strongroom" },
      serviceEventDetails: details,
    });
  });
});
