import { Agent } from "node:https";
import {
  DisableKeyCommand,
  EncryptCommand,
  KMSClient,
  type KMSClientConfig,
  KMSServiceException,
  ListKeysCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import { selfSigned } from "./certificate.ts";
import { type Service, startService } from "./service.ts";
import { accessKeyId, region, secretAccessKey } from "./signer.ts";

let service: Service;
let agent: Agent;
beforeAll(async () => {
  const tls = await selfSigned();
  agent = new Agent({ ca: tls.cert, keepAlive: true });
  service = await startService(
    async (operation, _caller, body) => {
      if (operation === "Encrypt") return { KeyId: JSON.parse(body).KeyId, CiphertextBlob: Uint8Array.of(1, 2) };
      if (operation === "DisableKey") return undefined;
      throw new KmsError("NotFoundException", "policy");
    },
    { tls },
  );
});
afterAll(async () => {
  agent.destroy();
  await service.close(0);
});

const clientWith = (config: KMSClientConfig = {}): KMSClient =>
  new KMSClient({
    region,
    endpoint: service.url,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpsAgent: agent },
    maxAttempts: 1,
    ...config,
  });

describe("the AWS SDK for JavaScript", () => {
  it("is served", async () => {
    const client = clientWith();
    const reply = await client.send(new EncryptCommand({ KeyId: "alias/ü", Plaintext: Uint8Array.of(1) }));
    expect(reply).toMatchObject({ KeyId: "alias/ü", CiphertextBlob: Uint8Array.of(1, 2) });
    expect(reply.$metadata).toMatchObject({ httpStatusCode: 200, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    await client.send(new DisableKeyCommand({ KeyId: "a" }));
  });

  it.each<[string, KMSClientConfig, string]>([
    ["an error of the operation", {}, "NotFoundException"],
    ["a wrong secret", { credentials: { accessKeyId, secretAccessKey: "wrong" } }, "InvalidSignatureException"],
    ["an unknown id", { credentials: { accessKeyId: "AKIAX", secretAccessKey } }, "UnrecognizedClientException"],
    [
      "a session token",
      { credentials: { accessKeyId, secretAccessKey, sessionToken: "t" } },
      "UnrecognizedClientException",
    ],
    ["another region", { region: "us-east-1" }, "InvalidSignatureException"],
  ])("understands %s", async (_, config, name) => {
    const error = await clientWith(config)
      .send(new ListKeysCommand())
      .catch((failure) => failure);
    expect(error).toBeInstanceOf(KMSServiceException);
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
    expect(error.message).not.toBe("");
  });
});
